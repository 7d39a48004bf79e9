import { body, server, type Schemas } from '@/api/server'
import { useThing } from '@/api/useThing'

export type Org = Schemas['Org']

export function useOrg(enabled: () => boolean = () => true) {
  return useThing<Org>(
    () => ['org'],
    (signal) => body(server.GET('/api/v1/org', { signal })),
    { enabled },
  )
}

export function updateOrg(patch: Schemas['OrgPatch']): Promise<Org> {
  return body(server.PATCH('/api/v1/org', { body: patch }))
}

export async function deleteOrg(name: string): Promise<void> {
  await server.DELETE('/api/v1/org', { body: { name } })
}

/** One that oneself owns. */
export function createOwnOrg(input: Schemas['NewOwnOrg']): Promise<Org> {
  return body(server.POST('/api/v1/me/orgs', { body: input }))
}
