import type { ComposerTranslation } from 'vue-i18n'
import { asProblem, type FieldError, type Problem } from '@/api/problem'
import { i18n } from '@/i18n'

type Translate = ComposerTranslation

/** The words of a key that may not be there: a server may be newer than this console. */
function known(t: Translate, key: string, blanks: Record<string, string> = {}): string {
  return i18n.global.te(key) ? t(key, blanks) : ''
}

/** What is missing, by the operation's name; operations of a platform's own have none here. */
function missing(t: Translate, operation: string): string {
  const what = operation && known(t, `operations.${operation.replace(':', '_')}`)
  return what ? t('problem.needs', { what }) : ''
}

/** A failure in words: what happened and what to do. What the server says by code is said in the reader's language. */
export function problemText(t: Translate, problem: Problem): { title: string; text: string } {
  switch (problem.status) {
    case 0:
      return { title: t('problem.network'), text: t('problem.networkText') }
    case 401:
      return { title: t('problem.signedOut'), text: t('problem.signedOutText') }
    case 403:
      return {
        title: t('problem.forbidden'),
        text: known(t, `denials.${problem.code}`) || missing(t, problem.operation) || problem.detail || t('problem.forbiddenText'),
      }
    case 404:
      return { title: t('problem.notFound'), text: t('problem.notFoundText') }
    case 409:
      return { title: t('problem.conflict'), text: known(t, `conflicts.${problem.code}`) || problem.detail || problem.title }
    case 422:
      return { title: t('problem.invalid'), text: problem.fields.map((one) => fieldText(t, one)).join(' ') || problem.detail || problem.title }
    case 429:
      return { title: t('problem.tooMany'), text: t('problem.tooManyText') }
    case 503:
      return { title: t('problem.unavailable'), text: t('problem.unavailableText') }
    default:
      return { title: t('problem.failed'), text: problem.detail || t('problem.failedText', { status: problem.status }) }
  }
}

/** The same as one line, for a message under a form. */
export function problemLine(t: Translate, problem: Problem): string {
  const { title, text } = problemText(t, problem)
  return [title, text].filter(Boolean).join(' – ')
}

/** What is wrong with a field. */
export function fieldText(t: Translate, error: FieldError): string {
  const said = error.code ? known(t, `flaws.${error.code}`, error.params) : ''
  if (said) return said
  // The server's sentence goes on after the field's name.
  return error.field ? `${error.field}: ${error.message}` : error.message
}

/** The same by field, for a form, where the field's name stands above. Fields of nested objects keep their dotted path. */
export function fieldTexts(t: Translate, error: unknown): Record<string, string> {
  return Object.fromEntries(asProblem(error).fields.map((one) => [one.field, fieldText(t, { ...one, field: '' })]))
}
