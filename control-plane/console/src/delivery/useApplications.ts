import { body, server, type Schemas } from '@/api/server'
import { useList } from '@/api/useList'
import { useThing } from '@/api/useThing'

export type Application = Schemas['Application']

export function useApplications(enabled: () => boolean = () => true) {
  return useList<Application>(
    () => ['applications'],
    (cursor, signal) => body(server.GET('/api/v1/applications', { params: { query: { cursor, limit: 200 } }, signal })),
    { enabled, refreshMs: 15_000 },
  )
}

export function useApplication(id: () => string) {
  return useThing<Application>(
    () => ['application', id()],
    (signal) => body(server.GET('/api/v1/applications/{id}', { params: { path: { id: id() } }, signal })),
    { refreshMs: () => 10_000 },
  )
}
