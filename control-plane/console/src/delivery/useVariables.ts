import { body, server, type Schemas } from '@/api/server'
import { useList } from '@/api/useList'
import { useThing } from '@/api/useThing'

export type Variable = Schemas['EnvVar']
export type Scope = Schemas['Scope']

/** Those of an application and its environments; without one, all that one sees. */
export function useVariables(applicationId: () => string | undefined) {
  return useList<Variable>(
    () => ['env-vars', applicationId() ?? 'all'],
    (cursor, signal) => body(server.GET('/api/v1/env-vars', { params: { query: { applicationId: applicationId(), cursor, limit: 200 } }, signal })),
  )
}

export interface SecretChoice {
  value: string
  label: string
}

/** Secrets by name and group, to refer to. Only who may see secrets refers to one. */
export function useSecretChoices(enabled: () => boolean) {
  return useThing<SecretChoice[]>(
    () => ['secrets', 'choices'],
    async (signal) => {
      const query = { limit: 500 }
      const [groups, secrets] = await Promise.all([
        body(server.GET('/api/v1/secrets/groups', { params: { query }, signal })),
        body(server.GET('/api/v1/secrets', { params: { query }, signal })),
      ])
      const names = new Map(groups.items.map((one) => [one.id, one.name]))
      return secrets.items.map((one) => ({ value: one.id, label: `${names.get(one.groupId) ?? '…'} / ${one.name}` }))
    },
    { enabled },
  )
}

export function createVariable(input: Schemas['NewEnvVar']): Promise<Variable> {
  return body(server.POST('/api/v1/env-vars', { body: input }))
}

export function updateVariable(id: string, patch: Schemas['EnvVarPatch']): Promise<Variable> {
  return body(server.PATCH('/api/v1/env-vars/{id}', { params: { path: { id } }, body: patch }))
}

export async function deleteVariable(id: string): Promise<void> {
  await server.DELETE('/api/v1/env-vars/{id}', { params: { path: { id } } })
}
