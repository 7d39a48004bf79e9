import { body, server, type Schemas } from '@/api/server'
import { useList } from '@/api/useList'

export type ApiKey = Schemas['ApiKey']
export type NewApiKey = Schemas['NewApiKey']

export function useApiKeys() {
  return useList<ApiKey>(
    () => ['api-keys'],
    (cursor, signal) => body(server.GET('/api/v1/api-keys', { params: { query: { cursor } }, signal })),
  )
}

export function createApiKey(input: NewApiKey): Promise<Schemas['CreatedKey']> {
  return body(server.POST('/api/v1/api-keys', { body: input }))
}

export async function revokeApiKey(id: string): Promise<void> {
  await server.DELETE('/api/v1/api-keys/{id}', { params: { path: { id } } })
}
