import { api } from '@/api/client'
import type { Host, JoinToken, Page } from '@/api/types'
import { useList } from '@/api/useList'
import { useThing } from '@/api/useThing'

export interface HostFilter {
  search?: string
  status?: string
  environment?: string
  limit?: number
}

export function useHosts(filter: () => HostFilter, enabled: () => boolean = () => true) {
  return useList<Host>(
    () => ['hosts', filter()],
    (cursor, signal) => api.get<Page<Host>>('/hosts', { ...filter(), cursor }, signal),
    { enabled, refreshMs: 10_000 },
  )
}

export function useHost(id: () => string) {
  return useThing<Host>(
    () => ['host', id()],
    (signal) => api.get<Host>(`/hosts/${id()}`, {}, signal),
    { refreshMs: () => 10_000 },
  )
}

export interface NewJoinToken {
  uses: number
  expiresInS: number
  environment?: string
}

export function createJoinToken(input: NewJoinToken): Promise<JoinToken> {
  return api.post<JoinToken>('/join-tokens', input)
}

export function deleteHost(id: string): Promise<void> {
  return api.delete(`/hosts/${id}`)
}
