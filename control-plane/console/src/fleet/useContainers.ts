import { body, server, type Schemas } from '@/api/server'
import { useList } from '@/api/useList'

export type Container = Schemas['HostContainer']

export function useContainers(host: () => string) {
  return useList<Container>(
    () => ['containers', host()],
    (cursor, signal) =>
      body(server.GET('/api/v1/hosts/{id}/containers', { params: { path: { id: host() }, query: { cursor, limit: 200 } }, signal })),
    { refreshMs: 10_000 },
  )
}
