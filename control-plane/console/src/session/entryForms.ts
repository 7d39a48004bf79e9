import type { FieldDescription, FormDescription } from '@/forms/description'

/** Forms of who is not signed in. */

export const LOGIN: FieldDescription = { name: 'login', input: 'text', label: 'signIn.login', autocomplete: 'username', rules: [['required']] }
export const PLATFORM: FieldDescription = { name: 'platform', input: 'text', label: 'signIn.platform', hint: 'signIn.platformHint', mono: true }

export const NEW_PASSWORD: FormDescription = [
  { name: 'password', input: 'password', label: 'profile.newPassword', hint: 'install.passwordHint', autocomplete: 'new-password', rules: [['required'], ['length', 10, 1024]] },
  { name: 'repeated', input: 'password', label: 'install.repeat', autocomplete: 'new-password', rules: [['required'], ['confirm', 'password']], wrong: 'install.repeatWrong' },
]
