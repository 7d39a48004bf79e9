import type { FormDescription } from '@/forms/description'

/** The forms about oneself. */

export const EMAIL = { name: 'email', input: 'text', label: 'people.email', autocomplete: 'email', rules: [['email']] } satisfies FormDescription[number]
export const MOBILE: FormDescription[number] = {
  name: 'mobile',
  input: 'text',
  label: 'people.mobile',
  hint: 'profile.mobileHint',
  autocomplete: 'tel',
  rules: [['matches', /^(\+?\d{5,20})?$/]],
  wrong: 'profile.mobileWrong',
}
export const NICK: FormDescription[number] = { name: 'nickName', input: 'text', label: 'profile.nickName', hint: 'profile.nickNameHint', autocomplete: 'nickname', rules: [['length', 0, 128]] }

export const PROFILE: FormDescription = [
  NICK,
  { ...EMAIL, hint: 'profile.emailHint' },
  MOBILE,
  { name: 'gender', input: 'select', label: 'profile.gender' },
  { name: 'birthday', input: 'date', label: 'profile.birthday' },
  { name: 'portrait', input: 'image', label: 'profile.portrait', hint: 'forms.imageHint', wide: true },
]

export const PASSWORD: FormDescription = [
  { name: 'oldPassword', input: 'password', label: 'profile.oldPassword', autocomplete: 'current-password', rules: [['required']] },
  { name: 'newPassword', input: 'password', label: 'profile.newPassword', hint: 'install.passwordHint', autocomplete: 'new-password', rules: [['required'], ['length', 10, 1024]] },
  { name: 'repeated', input: 'password', label: 'install.repeat', autocomplete: 'new-password', rules: [['required'], ['confirm', 'newPassword']], wrong: 'install.repeatWrong' },
]
