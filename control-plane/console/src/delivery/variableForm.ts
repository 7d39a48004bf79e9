import type { Schemas } from '@/api/server'
import type { Scope, Variable } from './useVariables'

/** A variable as a form holds it. `where` is `application`, an environment's name behind `in:`, `org` or `global`. */
export interface VariableForm {
  name: string
  where: string
  kind: string
  value: string
  secretId: string
}

export const NEW_VARIABLE: VariableForm = { name: '', where: 'application', kind: 'plain', value: '', secretId: '' }

export function variableToForm(one: Variable): VariableForm {
  const secret = one.valueType === 'secretRef'
  return { name: one.name, where: '', kind: secret ? 'secretRef' : 'plain', value: secret ? '' : one.value, secretId: one.secretId ?? '' }
}

/** Plain, or a secret; never both. */
export function variableValue(form: Partial<VariableForm>): Pick<Schemas['NewEnvVar'], 'valueType' | 'value' | 'secretId'> {
  return form.kind === 'secretRef' ? { valueType: 'secretRef', secretId: form.secretId } : { valueType: 'plain', value: form.value ?? '' }
}

export function variablePlace(where: string, applicationId?: string): Pick<Schemas['NewEnvVar'], 'scope' | 'applicationId' | 'environment'> {
  if (where.startsWith('in:')) return { scope: 'environment', applicationId, environment: where.slice(3) }
  if (where === 'application') return { scope: 'application', applicationId }
  return { scope: where as Scope }
}
