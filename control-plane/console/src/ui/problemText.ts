import type { ComposerTranslation } from 'vue-i18n'
import type { Problem } from '@/api/problem'

type Translate = ComposerTranslation

/** A failure in words: what happened and what to do. The server's own sentence wins where it says more than we know. */
export function problemText(t: Translate, problem: Problem): { title: string; text: string } {
  switch (problem.status) {
    case 0:
      return { title: t('problem.network'), text: t('problem.networkText') }
    case 401:
      return { title: t('problem.signedOut'), text: t('problem.signedOutText') }
    case 403:
      return { title: t('problem.forbidden'), text: problem.detail || t('problem.forbiddenText') }
    case 404:
      return { title: t('problem.notFound'), text: t('problem.notFoundText') }
    case 409:
      return { title: t('problem.conflict'), text: problem.detail || problem.title }
    case 422:
      return { title: t('problem.invalid'), text: problem.detail || problem.title }
    case 429:
      return { title: t('problem.tooMany'), text: t('problem.tooManyText') }
    case 503:
      return { title: t('problem.unavailable'), text: problem.detail || t('problem.unavailableText') }
    default:
      return { title: t('problem.failed'), text: problem.detail || t('problem.failedText', { status: problem.status }) }
  }
}

/** The same as one line, for a message under a form. */
export function problemLine(t: Translate, problem: Problem): string {
  const { title, text } = problemText(t, problem)
  const fields = problem.fields.map((one) => (one.field ? `${one.field}: ${one.message}` : one.message)).join('; ')
  return [title, fields || text].filter(Boolean).join(' – ')
}
