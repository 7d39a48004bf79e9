import type { FormDescription } from '@/forms/description'

/** The forms about members and joining. */

export const ADD_MEMBER: FormDescription = [
  { name: 'username', input: 'text', label: 'people.username', hint: 'people.usernameHint', rules: [['required']] },
  { name: 'role', input: 'select', label: 'people.role' },
]

export const ROLE: FormDescription = [{ name: 'role', input: 'select', label: 'people.role' }]

export const REJECTION: FormDescription = [
  { name: 'reason', input: 'textarea', label: 'joining.reason', hint: 'joining.reasonHint', rules: [['required'], ['length', 1, 200]] },
]

export const ENTRY: FormDescription = [{ name: 'fields', input: 'checks', label: 'joining.fields', hint: 'joining.fieldsHint' }]

export const INVITATION: FormDescription = [
  { name: 'email', input: 'text', label: 'joining.email', hint: 'joining.emailHint', rules: [['email']] },
  { name: 'role', input: 'select', label: 'people.role' },
  { name: 'days', input: 'select', label: 'joining.days' },
]

export const CODE: FormDescription = [
  { name: 'code', input: 'text', label: 'joining.code', hint: 'joining.codeHint', rules: [['required'], ['length', 7, 7]], mono: true },
]

export const GIT_HOST: FormDescription = [
  { name: 'provider', input: 'text', label: 'gitHosts.host', hint: 'gitHosts.hostHint', rules: [['required'], ['matches', /^\s*[a-z0-9.-]{1,64}\s*$/]], wrong: 'gitHosts.hostWrong', mono: true },
  { name: 'owner', input: 'text', label: 'gitHosts.owner', hint: 'gitHosts.ownerHint', rules: [['length', 0, 128]] },
  { name: 'accountId', input: 'text', label: 'gitHosts.accountId', rules: [['length', 0, 64]] },
  { name: 'accessToken', input: 'password', label: 'gitHosts.token', autocomplete: 'off', rules: [['required'], ['length', 1, 4096]] },
]
