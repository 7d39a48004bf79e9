import { api } from '@/api/client'
import type { Container, Page } from '@/api/types'
import { useList } from '@/api/useList'

export function useContainers(host: () => string) {
  return useList<Container>(
    () => ['containers', host()],
    (cursor, signal) => api.get<Page<Container>>(`/hosts/${host()}/containers`, { cursor, limit: 200 }, signal),
    { refreshMs: 10_000 },
  )
}
