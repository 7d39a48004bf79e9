import type { FieldDescription, FormDescription } from '@/forms/description'

/** The forms about clusters and environments. */

const SLUG = /^[a-z0-9][a-z0-9-]{0,62}$/

export const CLUSTER_FORM: FormDescription = [
  { name: 'name', input: 'text', label: 'clusters.name', rules: [['required'], ['length', 1, 128]] },
  { name: 'description', input: 'textarea', label: 'clusters.description', rules: [['length', 0, 2000]] },
  { name: 'status', input: 'select', label: 'ui.status', hint: 'clusters.statusHint' },
]

export const ENVIRONMENT_TYPES = ['development', 'testing', 'staging', 'production'] as const

const NAME: FieldDescription = { name: 'name', input: 'text', label: 'environments.name', hint: 'environments.nameHint', rules: [['required'], ['matches', SLUG]], wrong: 'environments.nameWrong', mono: true }

/** Its name stays: everything refers to an environment by it. */
export function environmentForm(isNew: boolean): FormDescription {
  return [
    ...(isNew ? [NAME] : []),
    { name: 'label', input: 'text', label: 'environments.label', hint: 'environments.labelHint', rules: [['length', 0, 128]] },
    { name: 'type', input: 'select', label: 'environments.type', hint: 'environments.typeHint' },
  ]
}
