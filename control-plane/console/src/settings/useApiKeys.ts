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

/** Answers the key's text, which is not shown again. */
export async function createApiKey(input: NewApiKey): Promise<string> {
  return (await body(server.POST('/api/v1/api-keys', { body: input }))).key
}

/** A new key in the place of an old one, which works on for so long. */
export async function rotateApiKey(id: string, overlapS: number): Promise<string> {
  return (await body(server.POST('/api/v1/api-keys/{id}/rotate', { params: { path: { id } }, body: { overlapS } }))).key
}

export async function revokeApiKey(id: string): Promise<void> {
  await server.DELETE('/api/v1/api-keys/{id}', { params: { path: { id } } })
}
