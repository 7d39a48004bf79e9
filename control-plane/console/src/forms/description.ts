/** A form as data: what is asked, in which order, and what an answer must look like. `SchemaForm` renders it. */

export type Rule = ['required'] | ['length', number, number] | ['email'] | ['matches', RegExp] | ['confirm', string]

export interface FieldDescription {
  name: string
  input: 'text' | 'password' | 'textarea' | 'select' | 'checks' | 'pick' | 'date' | 'moment' | 'image'
  /** i18n keys. */
  label: string
  hint?: string
  rules?: readonly Rule[]
  /** i18n key: what to say when `matches` or `confirm` fails. */
  wrong?: string
  autocomplete?: string
  rows?: number
  mono?: boolean
  /** Digits only: phones show their number keys. */
  digits?: boolean
  /** Takes the whole row where fields stand side by side. */
  wide?: boolean
}

export type FormDescription = readonly FieldDescription[]

export interface FieldOption {
  value: string
  label: string
  note?: string
}

/** Choices of `select`, `checks` and `pick` by field name: they often come from the server. */
export type FieldOptions = Record<string, readonly FieldOption[]>

/** Only what was filled in; the server takes a missing field for "no such thing", not an empty one. */
export function filled<T extends object>(values: T): Partial<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== '' && value !== undefined && value !== null)) as Partial<T>
}

/** Only what differs from before. */
export function changed<T extends object>(values: T, before: T): Partial<T> {
  const old = before as Record<string, unknown>
  return Object.fromEntries(Object.entries(values).filter(([name, value]) => value !== old[name])) as Partial<T>
}

/** As the server takes it: https and no longer than 2,048 characters. */
export function isPictureAddress(text: string): boolean {
  return text.length <= 2048 && /^https:\/\/[^\s/]+\/?\S*$/.test(text)
}
