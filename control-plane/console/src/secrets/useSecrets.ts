import { body, server, type Schemas } from '@/api/server'
import { useList } from '@/api/useList'
import { useThing } from '@/api/useThing'

export type SecretGroup = Schemas['SecretGroup']
export type Secret = Schemas['Secret']
export type SyncRun = Schemas['SecretSyncRun']
export type Usage = Schemas['SecretUsage']
export type SecretVersion = Schemas['SecretVersion']

export function useGroups() {
  return useList<SecretGroup>(
    () => ['secrets', 'groups'],
    (cursor, signal) => body(server.GET('/api/v1/secrets/groups', { params: { query: { cursor, limit: 200 } }, signal })),
    { refreshMs: 15_000 },
  )
}

export function useGroup(id: () => string) {
  return useThing<SecretGroup>(
    () => ['secrets', 'group', id()],
    (signal) => body(server.GET('/api/v1/secrets/groups/{id}', { params: { path: { id: id() } }, signal })),
    { refreshMs: () => 10_000 },
  )
}

export function createGroup(input: Schemas['NewSecretGroup']): Promise<SecretGroup> {
  return body(server.POST('/api/v1/secrets/groups', { body: input }))
}

export function updateGroup(id: string, patch: Schemas['SecretGroupPatch']): Promise<SecretGroup> {
  return body(server.PATCH('/api/v1/secrets/groups/{id}', { params: { path: { id } }, body: patch }))
}

export async function deleteGroup(id: string): Promise<void> {
  await server.DELETE('/api/v1/secrets/groups/{id}', { params: { path: { id } } })
}

export function useSecrets(groupId: () => string) {
  return useList<Secret>(
    () => ['secrets', 'of', groupId()],
    (cursor, signal) => body(server.GET('/api/v1/secrets', { params: { query: { groupId: groupId(), cursor, limit: 200 } }, signal })),
    { refreshMs: 15_000 },
  )
}

export function createSecret(input: Schemas['NewSecret']): Promise<Secret> {
  return body(server.POST('/api/v1/secrets', { body: input }))
}

export function updateSecret(id: string, patch: Schemas['SecretPatch']): Promise<Secret> {
  return body(server.PATCH('/api/v1/secrets/{id}', { params: { path: { id } }, body: patch }))
}

export async function deleteSecret(id: string): Promise<void> {
  await server.DELETE('/api/v1/secrets/{id}', { params: { path: { id } } })
}

/** The value. Each call is in the audit log. */
export function revealSecret(id: string): Promise<Schemas['RevealedSecret']> {
  return body(server.POST('/api/v1/secrets/{id}/reveal', { params: { path: { id } } }))
}

export function rollBackSecret(id: string, version: number): Promise<Secret> {
  return body(server.POST('/api/v1/secrets/{id}/rollback', { params: { path: { id } }, body: { version } }))
}

export function useSecretVersions(id: () => string) {
  return useList<SecretVersion>(
    () => ['secrets', 'versions', id()],
    (_cursor, signal) => body(server.GET('/api/v1/secrets/{id}/versions', { params: { path: { id: id() } }, signal })),
    { enabled: () => id() !== '' },
  )
}

export function useSecretUsage(id: () => string) {
  return useThing<Usage>(
    () => ['secrets', 'usage', id()],
    (signal) => body(server.GET('/api/v1/secrets/{id}/usage', { params: { path: { id: id() } }, signal })),
    { enabled: () => id() !== '' },
  )
}

export function useGroupUsage(id: () => string) {
  return useThing<Usage>(
    () => ['secrets', 'group-usage', id()],
    (signal) => body(server.GET('/api/v1/secrets/groups/{id}/usage', { params: { path: { id: id() } }, signal })),
  )
}

export function useSyncs(groupId: () => string) {
  return useList<SyncRun>(
    () => ['secrets', 'syncs', groupId()],
    (cursor, signal) => body(server.GET('/api/v1/secrets/groups/{id}/syncs', { params: { path: { id: groupId() }, query: { cursor, limit: 20 } }, signal })),
    { refreshMs: 5_000 },
  )
}

export function syncNow(groupId: string, allowEmpty: boolean): Promise<SyncRun> {
  return body(server.POST('/api/v1/secrets/groups/{id}/sync', { params: { path: { id: groupId } }, body: { allowEmpty } }))
}
