import { body, server, type Schemas } from '@/api/server'
import { useThing } from '@/api/useThing'

export type Policy = Schemas['EnvironmentPolicy']

export function usePolicies(enabled: () => boolean = () => true) {
  return useThing<Policy[]>(
    () => ['policies'],
    async (signal) => (await body(server.GET('/api/v1/schema/policies', { signal }))).items,
    { enabled, refreshMs: () => 30_000 },
  )
}

export function setPolicy(environment: string, input: Schemas['PolicyBody']): Promise<Policy> {
  return body(server.PUT('/api/v1/schema/policies/{environment}', { params: { path: { environment } }, body: input }))
}
