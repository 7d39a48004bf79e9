import { api } from '@/api/client'
import type { Application, Page } from '@/api/types'
import { useList } from '@/api/useList'
import { useThing } from '@/api/useThing'

export function useApplications(enabled: () => boolean = () => true) {
  return useList<Application>(
    () => ['applications'],
    (cursor, signal) => api.get<Page<Application>>('/applications', { cursor, limit: 200 }, signal),
    { enabled, refreshMs: 15_000 },
  )
}

export function useApplication(id: () => string) {
  return useThing<Application>(
    () => ['application', id()],
    (signal) => api.get<Application>(`/applications/${id()}`, {}, signal),
    { refreshMs: () => 10_000 },
  )
}
