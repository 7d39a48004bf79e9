import type { FormDescription } from '@/forms/description'
import { BIRTHDAY, EMAIL, GENDER, MOBILE, NICK, PORTRAIT } from '@/profile/profileForms'

/** The forms of those who administer platforms. */

const USERNAME = { name: 'username', input: 'text', label: 'people.username', hint: 'admin.usernameHint', rules: [['required'], ['length', 2, 64]] } satisfies FormDescription[number]
const FIRST_PASSWORD: FormDescription[number] = { name: 'password', input: 'password', label: 'signIn.password', hint: 'install.passwordHint', autocomplete: 'new-password', rules: [['required'], ['length', 10, 1024]] }
const PLATFORM: FormDescription[number] = { name: 'platformId', input: 'select', label: 'admin.platform' }

export const NEW_USER: FormDescription = [USERNAME, FIRST_PASSWORD, PLATFORM, NICK, EMAIL, MOBILE, GENDER, BIRTHDAY, PORTRAIT]

export const USER: FormDescription = [
  { ...USERNAME, hint: 'admin.renameHint' },
  NICK,
  EMAIL,
  MOBILE,
  GENDER,
  BIRTHDAY,
  { name: 'status', input: 'select', label: 'ui.status' },
  { name: 'roleId', input: 'select', label: 'admin.platformRole' },
  { name: 'mfa', input: 'select', label: 'security.second', hint: 'admin.mfaHint' },
  { name: 'password', input: 'password', label: 'admin.newPassword', hint: 'admin.newPasswordHint', autocomplete: 'new-password', rules: [['length', 10, 1024]] },
  PORTRAIT,
]

export const NEW_PLATFORM: FormDescription = [
  { name: 'code', input: 'text', label: 'admin.code', hint: 'admin.codeHint', rules: [['required'], ['matches', /^[a-z0-9-]{1,40}$/]], wrong: 'admin.codeWrong', mono: true },
  { name: 'name', input: 'text', label: 'org.name', rules: [['required'], ['length', 1, 128]] },
  { name: 'logo', input: 'image', label: 'org.logo', hint: 'forms.imageHint' },
]

/** Its code stays: bindings refer to it. */
export function bindingTypeForm(isNew: boolean): FormDescription {
  const code: FormDescription[number] = { name: 'code', input: 'text', label: 'admin.code', hint: 'admin.bindingCodeHint', rules: [['matches', /^[a-z0-9-]{0,36}$/]], wrong: 'admin.bindingCodeWrong', mono: true }
  return [
    ...(isNew ? [code] : []),
    { name: 'name', input: 'text', label: 'org.name', rules: [['required'], ['length', 1, 64]] },
    { name: 'icon', input: 'image', label: 'admin.icon', hint: 'forms.imageHint' },
  ]
}

export const PLATFORM_PROFILE: FormDescription = [...NEW_PLATFORM.slice(1), { name: 'orgsBy', input: 'select', label: 'admin.orgsBy', hint: 'admin.orgsByHint' }]

export const NEW_ADMINISTRATOR: FormDescription = [
  { name: 'user', input: 'text', label: 'admin.user', hint: 'admin.userHint', rules: [['required']] },
  PLATFORM,
  { name: 'kind', input: 'select', label: 'admin.kind' },
]

const ORG_NAME: FormDescription[number] = { name: 'name', input: 'text', label: 'org.name', rules: [['required'], ['length', 1, 128]] }
const SLUG: FormDescription[number] = { name: 'slug', input: 'text', label: 'admin.slug', hint: 'admin.slugHint', rules: [['required'], ['matches', /^[a-z0-9][a-z0-9-]{0,39}$/]], wrong: 'admin.codeWrong', mono: true }
const ABOUT: FormDescription[number] = { name: 'description', input: 'textarea', label: 'org.description', rules: [['length', 0, 2000]], wide: true }
const LOGO: FormDescription[number] = { name: 'logo', input: 'image', label: 'org.logo', hint: 'forms.imageHint', wide: true }
const ORG_MORE: FormDescription = [
  { name: 'alias', input: 'text', label: 'org.alias', rules: [['length', 0, 128]] },
  { name: 'contact', input: 'text', label: 'org.contact', rules: [['length', 0, 128]] },
  { name: 'mobile', input: 'text', label: 'org.mobile', rules: [['length', 0, 32]] },
]

export const NEW_ORG: FormDescription = [
  ORG_NAME,
  SLUG,
  { name: 'owner', input: 'text', label: 'roles.OWNER', hint: 'admin.ownerHint', rules: [['required']] },
  ...ORG_MORE,
  ABOUT,
  LOGO,
]
/** One that is there: its short name may change, too. */
export const ORG: FormDescription = [ORG_NAME, { ...SLUG, hint: 'admin.slugChangeHint' }, ...ORG_MORE, ABOUT, LOGO]
/** One that whoever makes it owns. */
export const NEW_OWN_ORG: FormDescription = [ORG_NAME, SLUG, ABOUT]

export const NEW_MODULE: FormDescription = [{ name: 'name', input: 'text', label: 'org.name', rules: [['required'], ['length', 1, 64]] }]

export const NEW_OPERATION: FormDescription = [
  { name: 'code', input: 'text', label: 'rights.code', hint: 'admin.operationHint', rules: [['required'], ['matches', /^[\w.-]+:[\w.-]+$/]], wrong: 'admin.operationWrong', mono: true },
  { name: 'name', input: 'text', label: 'org.name', rules: [['required'], ['length', 1, 64]] },
]

const NAME = NEW_OPERATION.slice(1)
export const OPERATION: FormDescription = [...NAME, { name: 'moduleId', input: 'select', label: 'admin.module' }]

export const NEW_PLATFORM_ROLE: FormDescription = [
  { name: 'code', input: 'text', label: 'rights.code', hint: 'rights.codeHint', rules: [['required'], ['matches', /^[A-Za-z0-9_-]{1,64}$/]], wrong: 'rights.codeWrong', mono: true },
  { name: 'name', input: 'text', label: 'org.name', rules: [['required'], ['length', 1, 64]] },
  { name: 'operations', input: 'pick', label: 'admin.operations' },
]
export const PLATFORM_ROLE: FormDescription = NEW_PLATFORM_ROLE.slice(1)
