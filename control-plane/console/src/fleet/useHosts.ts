import { body, server, some, type Schemas } from '@/api/server'
import { useList } from '@/api/useList'
import { useThing } from '@/api/useThing'

export type Host = Schemas['Host']
export type HostStatus = Host['status']

export interface HostFilter {
  search?: string
  status?: HostStatus | ''
  environment?: string
  limit?: number
}

export function useHosts(filter: () => HostFilter, enabled: () => boolean = () => true) {
  return useList<Host>(
    () => ['hosts', filter()],
    (cursor, signal) => {
      const { status, ...rest } = filter()
      const query = some({ ...rest, status: status || undefined, cursor })
      return body(server.GET('/api/v1/hosts', { params: { query }, signal }))
    },
    { enabled, refreshMs: 10_000 },
  )
}

export function useHost(id: () => string) {
  return useThing<Host>(
    () => ['host', id()],
    (signal) => body(server.GET('/api/v1/hosts/{id}', { params: { path: { id: id() } }, signal })),
    { refreshMs: () => 10_000 },
  )
}

export type JoinToken = Schemas['IssuedJoinToken']

export function createJoinToken(input: Schemas['NewJoinToken']): Promise<JoinToken> {
  return body(server.POST('/api/v1/join-tokens', { body: input }))
}

export async function deleteHost(id: string): Promise<void> {
  await server.DELETE('/api/v1/hosts/{id}', { params: { path: { id } } })
}
