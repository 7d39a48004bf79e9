import { api } from '@/api/client'
import type { ApiKey, Page } from '@/api/types'
import { useList } from '@/api/useList'

export type KeyKind = 'full' | 'deploy' | 'readonly'

export function useApiKeys() {
  return useList<ApiKey>(
    () => ['api-keys'],
    (cursor, signal) => api.get<Page<ApiKey>>('/api-keys', { cursor }, signal),
  )
}

export function createApiKey(input: { name: string; kind: KeyKind; expiresInDays: number | null }): Promise<{ key: string }> {
  return api.post('/api-keys', input)
}

export function revokeApiKey(id: string): Promise<void> {
  return api.delete(`/api-keys/${id}`)
}
