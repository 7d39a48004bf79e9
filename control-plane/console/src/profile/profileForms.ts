import type { FieldDescription, FormDescription } from '@/forms/description'

/** The forms about oneself. */

export const EMAIL = { name: 'email', input: 'text', label: 'people.email', autocomplete: 'email', rules: [['email']] } satisfies FieldDescription
export const MOBILE = {
  name: 'mobile',
  input: 'text',
  label: 'people.mobile',
  hint: 'profile.mobileHint',
  autocomplete: 'tel',
  rules: [['matches', /^(\+?\d{5,20})?$/]],
  wrong: 'profile.mobileWrong',
} satisfies FieldDescription
export const NICK: FieldDescription = { name: 'nickName', input: 'text', label: 'profile.nickName', hint: 'profile.nickNameHint', autocomplete: 'nickname', rules: [['length', 0, 128]] }

export const GENDER: FieldDescription = { name: 'gender', input: 'select', label: 'profile.gender' }
export const BIRTHDAY: FieldDescription = { name: 'birthday', input: 'date', label: 'profile.birthday' }
export const PORTRAIT: FieldDescription = { name: 'portrait', input: 'image', label: 'profile.portrait', hint: 'forms.imageHint', wide: true }
export const GENDERS = [3, 1, 2]

export const PROFILE: FormDescription = [NICK, GENDER, BIRTHDAY, PORTRAIT]

export const MAIL: FormDescription = [
  { name: 'mailMessages', input: 'select', label: 'mail.failures', hint: 'mail.failuresHint' },
  { name: 'mailLanguage', input: 'select', label: 'mail.language', hint: 'mail.languageHint' },
]

export const PASSWORD: FormDescription = [
  { name: 'oldPassword', input: 'password', label: 'profile.oldPassword', autocomplete: 'current-password', rules: [['required']] },
  { name: 'newPassword', input: 'password', label: 'profile.newPassword', hint: 'install.passwordHint', autocomplete: 'new-password', rules: [['required'], ['length', 10, 1024]] },
  { name: 'repeated', input: 'password', label: 'install.repeat', autocomplete: 'new-password', rules: [['required'], ['confirm', 'newPassword']], wrong: 'install.repeatWrong' },
]

/** Before anything that weakens an account. */
export const PASSWORD_AGAIN: FieldDescription = { name: 'password', input: 'password', label: 'profile.oldPassword', autocomplete: 'current-password', rules: [['required']] }
export const MFA: FormDescription = [{ name: 'mfa', input: 'select', label: 'security.when' }, PASSWORD_AGAIN]
export const SIX_DIGITS: FieldDescription = { name: 'code', input: 'text', label: 'security.code', autocomplete: 'one-time-code', rules: [['required'], ['matches', /^\s*(\d[\s-]?){6}\s*$/]], wrong: 'security.codeWrong', digits: true }
