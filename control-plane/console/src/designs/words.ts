import type { ComposerTranslation } from 'vue-i18n'
import { isKind } from './useDesigns'

/** A kind in the reader's words; one that we don't know as it is. */
export function kindWord(t: ComposerTranslation, kind: string): string {
  if (kind === 'Environment') return t('documentKind.Environment')
  return isKind(kind) ? t(`documentKind.${kind}`) : kind
}
