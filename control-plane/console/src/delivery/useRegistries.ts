import { body, server, type Schemas } from '@/api/server'
import { useList } from '@/api/useList'
import { useThing } from '@/api/useThing'

export type Registry = Schemas['Registry']
export type RegistryTest = Schemas['RegistryTest']

export function useRegistries(enabled: () => boolean = () => true) {
  return useList<Registry>(
    () => ['registries'],
    (cursor, signal) => body(server.GET('/api/v1/registries', { params: { query: { cursor, limit: 200 } }, signal })),
    { enabled },
  )
}

export function createRegistry(input: Schemas['NewRegistry']): Promise<Registry> {
  return body(server.POST('/api/v1/registries', { body: input }))
}

export function updateRegistry(id: string, patch: Schemas['RegistryPatch']): Promise<Registry> {
  return body(server.PATCH('/api/v1/registries/{id}', { params: { path: { id } }, body: patch }))
}

export async function deleteRegistry(id: string): Promise<void> {
  await server.DELETE('/api/v1/registries/{id}', { params: { path: { id } } })
}

export function testRegistry(id: string): Promise<RegistryTest> {
  return body(server.POST('/api/v1/registries/{id}/test', { params: { path: { id } } }))
}

export function useRegistry(id: () => string) {
  return useThing<Registry>(
    () => ['registries', 'one', id()],
    (signal) => body(server.GET('/api/v1/registries/{id}', { params: { path: { id: id() } }, signal })),
  )
}

/** Repositories that the registry says it has, read now. */
export function useRepositories(id: () => string) {
  return useList<Schemas['RegistryRepository']>(
    () => ['registry-content', id(), 'repositories'],
    (cursor, signal) => body(server.GET('/api/v1/registries/{id}/repositories', { params: { path: { id: id() }, query: { cursor, limit: 200 } }, signal })),
  )
}

/** Tags of a repository with what they point to, read now. */
export function useTags(id: () => string, repository: () => string) {
  return useList<Schemas['RegistryTag']>(
    () => ['registry-content', id(), 'tags', repository()],
    (cursor, signal) => body(server.GET('/api/v1/registries/{id}/tags', { params: { path: { id: id() }, query: { repository: repository(), cursor } }, signal })),
    { enabled: () => repository() !== '' },
  )
}
