import type { FieldDescription, FormDescription } from '@/forms/description'

/** The forms about secrets and where they are synced from. */

const NAME = /^[A-Za-z0-9_.-]{1,128}$/

export const GROUP: FormDescription = [
  { name: 'name', input: 'text', label: 'secret.name', rules: [['required'], ['length', 1, 128]] },
  { name: 'description', input: 'text', label: 'application.description', rules: [['length', 0, 2000]] },
  { name: 'providerId', input: 'select', label: 'secret.provider', hint: 'secret.providerHint' },
  { name: 'autoSync', input: 'select', label: 'secret.autoSync' },
]

/** The value of one that is there is left as it is unless another is typed. */
export function secretFields(isNew: boolean): FormDescription {
  return [
    { name: 'name', input: 'text', label: 'secret.name', hint: 'secret.nameHint', rules: [['required'], ['matches', NAME]], wrong: 'secret.nameWrong', mono: true },
    { name: 'value', input: 'password', label: 'variable.value', hint: isNew ? undefined : 'secret.valueKeep', rules: isNew ? [['required']] : [], autocomplete: 'new-password' },
    { name: 'description', input: 'text', label: 'application.description', rules: [['length', 0, 2000]] },
  ]
}

export function providerFields(isNew: boolean): FormDescription {
  const secret: FieldDescription = { name: 'clientSecret', input: 'password', label: 'provider.clientSecret', hint: isNew ? undefined : 'registry.keepHint', rules: isNew ? [['required']] : [], autocomplete: 'new-password' }
  return [
    { name: 'name', input: 'text', label: 'secret.name', rules: [['required'], ['length', 1, 128]] },
    { name: 'url', input: 'text', label: 'provider.url', hint: 'provider.urlHint', rules: [['required'], ['matches', /^https?:\/\/\S+$/]], wrong: 'registry.urlWrong', mono: true },
    { name: 'clientId', input: 'text', label: 'provider.clientId', hint: 'provider.clientIdHint', rules: [['required']], mono: true },
    secret,
    { name: 'projectId', input: 'text', label: 'provider.projectId', rules: [['required']], mono: true },
    { name: 'environment', input: 'text', label: 'provider.environment', hint: 'provider.environmentHint', rules: [['required']], mono: true },
    { name: 'path', input: 'text', label: 'provider.path', mono: true },
    { name: 'intervalS', input: 'select', label: 'provider.interval' },
  ]
}

export const SYNC: FormDescription = [{ name: 'allowEmpty', input: 'checks', label: 'sync.empty', hint: 'sync.emptyHint' }]
