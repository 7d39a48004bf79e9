import { body, server, type Schemas } from '@/api/server'
import { useList } from '@/api/useList'

export type HostAccount = Schemas['HostAccount']
export type HostAccountInput = Schemas['HostAccountInput']

/** The accounts that people sign in to a host with; their passwords stay where they are. */
export function useHostAccounts(host: () => string) {
  return useList<HostAccount>(
    () => ['hostAccounts', host()],
    (cursor, signal) => body(server.GET('/api/v1/hosts/{id}/accounts', { params: { path: { id: host() }, query: { cursor, limit: 50 } }, signal })),
  )
}

export function createHostAccount(id: string, input: HostAccountInput): Promise<HostAccount> {
  return body(server.POST('/api/v1/hosts/{id}/accounts', { params: { path: { id } }, body: input }))
}

export function replaceHostAccount(id: string, accountId: string, input: HostAccountInput): Promise<HostAccount> {
  return body(server.PUT('/api/v1/hosts/{id}/accounts/{accountId}', { params: { path: { id, accountId } }, body: input }))
}

export async function deleteHostAccount(id: string, accountId: string): Promise<void> {
  await server.DELETE('/api/v1/hosts/{id}/accounts/{accountId}', { params: { path: { id, accountId } } })
}

export async function revealHostAccount(id: string, accountId: string): Promise<string> {
  return (await body(server.POST('/api/v1/hosts/{id}/accounts/{accountId}/reveal', { params: { path: { id, accountId } } }))).password
}
