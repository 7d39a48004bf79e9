import type { ComposerTranslation } from 'vue-i18n'
import type { SecretProvider } from './useProviders'

export interface GroupForm {
  name: string
  description: string
  providerId: string
  autoSync: string
}

export const NEW_GROUP: GroupForm = { name: '', description: '', providerId: '', autoSync: 'yes' }

export function groupOptions(t: ComposerTranslation, providers: readonly SecretProvider[]) {
  return {
    providerId: [{ value: '', label: t('secret.madeHere') }, ...providers.map((one) => ({ value: one.id, label: one.name }))],
    autoSync: [
      { value: 'yes', label: t('secret.bySchedule') },
      { value: 'no', label: t('secret.byHand') },
    ],
  }
}
