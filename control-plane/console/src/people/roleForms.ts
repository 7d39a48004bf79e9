import type { FieldDescription, FormDescription } from '@/forms/description'

/** The forms about roles and templates. */

const NAME: FieldDescription = { name: 'name', input: 'text', label: 'rights.name', rules: [['required'], ['length', 1, 64]] }

export const NEW_ROLE: FormDescription = [
  NAME,
  { name: 'code', input: 'text', label: 'rights.code', hint: 'rights.codeHint', rules: [['required'], ['matches', /^[A-Za-z0-9_-]{1,64}$/]], wrong: 'rights.codeWrong', mono: true },
]

export const RENAME: FormDescription = [NAME]

export const TEMPLATE: FormDescription = [NAME, { name: 'description', input: 'textarea', label: 'org.description' }]
