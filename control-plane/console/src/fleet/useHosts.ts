import { body, server, some, type Schemas } from '@/api/server'
import { useList } from '@/api/useList'
import { useThing } from '@/api/useThing'

export type Host = Schemas['Host']
export type HostPatch = Schemas['HostPatch']
export type HostStatus = Host['status']

export interface HostFilter {
  search?: string
  status?: HostStatus | ''
  environment?: string
  /** An id. */
  cluster?: string
  /** `role=web,zone=a` */
  label?: string
  businessStatus?: string
  limit?: number
}

export function useHosts(filter: () => HostFilter, enabled: () => boolean = () => true) {
  return useList<Host>(
    () => ['hosts', filter()],
    (cursor, signal) => {
      const { status, businessStatus, ...rest } = filter()
      const query = some({ ...rest, status: status || undefined, businessStatus: businessStatus ? Number(businessStatus) : undefined, cursor })
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

export function readHost(id: string): Promise<Host> {
  return body(server.GET('/api/v1/hosts/{id}', { params: { path: { id } } }))
}

export function updateHost(id: string, patch: HostPatch): Promise<Host> {
  return body(server.PATCH('/api/v1/hosts/{id}', { params: { path: { id } }, body: patch }))
}

export type JoinToken = Schemas['IssuedJoinToken']

export function createJoinToken(input: Schemas['NewJoinToken']): Promise<JoinToken> {
  return body(server.POST('/api/v1/join-tokens', { body: input }))
}

export async function deleteHost(id: string): Promise<void> {
  await server.DELETE('/api/v1/hosts/{id}', { params: { path: { id } } })
}

export type JoinTokenInfo = Schemas['JoinTokenInfo']

/** Those that can still be used. */
export function useJoinTokens() {
  return useList<JoinTokenInfo>(
    () => ['join-tokens'],
    (cursor, signal) => body(server.GET('/api/v1/join-tokens', { params: { query: { cursor, limit: 100 } }, signal })),
    { refreshMs: 15_000 },
  )
}

export async function withdrawJoinToken(id: string): Promise<void> {
  await server.DELETE('/api/v1/join-tokens/{id}', { params: { path: { id } } })
}
