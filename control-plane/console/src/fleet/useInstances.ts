import { body, server, some, type Schemas } from '@/api/server'
import { useList } from '@/api/useList'
import { useThing } from '@/api/useThing'
import { endsBefore } from './instances'

export type Instance = Schemas['Instance']

export interface InstanceFilter {
  search: string
  provider: string
  region: string
  /** As in `ENDS`; empty for all. */
  ends: string
}

export function useInstances(filter: () => InstanceFilter) {
  return useList<Instance>(
    () => ['instances', filter()],
    (cursor, signal) => {
      const { search, provider, region, ends } = filter()
      const query = some({ search, provider, region, expiresBefore: endsBefore(ends, Date.now()), cursor })
      return body(server.GET('/api/v1/instances', { params: { query }, signal }))
    },
  )
}

/** The first of all, for what there is to choose from: providers and regions are few. */
export function useSomeInstances() {
  return useThing<Instance[]>(
    () => ['instances', 'some'],
    async (signal) => (await body(server.GET('/api/v1/instances', { params: { query: { limit: 500 } }, signal }))).items,
  )
}

export function useInstance(id: () => string) {
  return useThing<Instance>(
    () => ['instances', 'one', id()],
    (signal) => body(server.GET('/api/v1/instances/{id}', { params: { path: { id: id() } }, signal })),
  )
}

/** Those that a host is, or says that it is. */
export function useHostInstances(host: () => string) {
  return useThing<Instance[]>(
    () => ['instances', 'host', host()],
    async (signal) => (await body(server.GET('/api/v1/instances', { params: { query: { hostId: host(), limit: 10 } }, signal }))).items,
  )
}

export function updateInstance(id: string, patch: Schemas['InstancePatch']): Promise<Instance> {
  return body(server.PATCH('/api/v1/instances/{id}', { params: { path: { id } }, body: patch }))
}

export function importInstances(list: Schemas['InstanceImport']): Promise<Schemas['ImportedInstances']> {
  return body(server.POST('/api/v1/instances/import', { body: list }))
}

export async function deleteInstance(id: string): Promise<void> {
  await server.DELETE('/api/v1/instances/{id}', { params: { path: { id } } })
}
