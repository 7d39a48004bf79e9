import { body, server, type Schemas } from '@/api/server'
import type { FieldDescription, FormDescription } from '@/forms/description'
import { EMAIL, MOBILE, NICK } from '@/profile/profileForms'

/** Registering by oneself, with somebody of the platform who vouches. */

const REALM: FieldDescription = { name: 'platform', input: 'text', label: 'signIn.platform', hint: 'register.platformHint', rules: [['required']], mono: true }

/** The platform is asked for where there are several. */
export const registration = (several: boolean): FormDescription => [
  ...(several ? [REALM] : []),
  { name: 'administrator', input: 'text', label: 'register.administrator', hint: 'register.administratorHint', rules: [['required']] },
  { name: 'username', input: 'text', label: 'people.username', hint: 'admin.usernameHint', autocomplete: 'username', rules: [['required'], ['length', 2, 64]] },
  NICK,
  { name: 'password', input: 'password', label: 'signIn.password', hint: 'install.passwordHint', autocomplete: 'new-password', rules: [['required'], ['length', 10, 1024]] },
  { name: 'repeated', input: 'password', label: 'install.repeat', autocomplete: 'new-password', rules: [['required'], ['confirm', 'password']], wrong: 'install.repeatWrong' },
  EMAIL,
  MOBILE,
]

export function register(input: Schemas['Registration']): Promise<Schemas['User']> {
  return body(server.POST('/api/v1/auth/register', { body: input }))
}
