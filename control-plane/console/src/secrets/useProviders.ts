import { body, server, type Schemas } from '@/api/server'
import { useList } from '@/api/useList'

export type SecretProvider = Schemas['SecretProvider']
export type ProviderTest = Schemas['SecretProviderTest']

export function useProviders() {
  return useList<SecretProvider>(
    () => ['secret-providers'],
    (cursor, signal) => body(server.GET('/api/v1/secrets/providers', { params: { query: { cursor, limit: 200 } }, signal })),
    { refreshMs: 15_000 },
  )
}

export function createProvider(input: Schemas['NewSecretProvider']): Promise<SecretProvider> {
  return body(server.POST('/api/v1/secrets/providers', { body: input }))
}

export function updateProvider(id: string, patch: Schemas['SecretProviderPatch']): Promise<SecretProvider> {
  return body(server.PATCH('/api/v1/secrets/providers/{id}', { params: { path: { id } }, body: patch }))
}

export async function deleteProvider(id: string): Promise<void> {
  await server.DELETE('/api/v1/secrets/providers/{id}', { params: { path: { id } } })
}

export function testProvider(id: string): Promise<ProviderTest> {
  return body(server.POST('/api/v1/secrets/providers/{id}/test', { params: { path: { id } } }))
}
