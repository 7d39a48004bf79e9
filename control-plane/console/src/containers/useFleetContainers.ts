import { body, server, some, type Schemas } from '@/api/server'
import { useList } from '@/api/useList'
import { useThing } from '@/api/useThing'

export type FleetContainer = Schemas['FleetContainer']
export type ContainerOrder = Schemas['Order']
export type ContainerAction = 'start' | 'stop' | 'restart'

export type ContainerState = 'created' | 'running' | 'paused' | 'restarting' | 'removing' | 'exited' | 'dead'
export type ContainerHealth = 'none' | 'starting' | 'healthy' | 'unhealthy'

export interface ContainerFilter {
  search: string
  state: ContainerState | ''
  health: ContainerHealth | ''
  host: string
  application: string
}

/** Containers of all hosts that one may see. */
export function useFleetContainers(filter: () => ContainerFilter) {
  return useList<FleetContainer>(
    () => ['fleetContainers', filter()],
    (cursor, signal) => {
      const { search, state, health, host, application } = filter()
      const query = some({
        search: search || undefined,
        state: state || undefined,
        health: health || undefined,
        host: host || undefined,
        application: application || undefined,
        cursor,
      })
      return body(server.GET('/api/v1/containers', { params: { query }, signal }))
    },
    { refreshMs: 10_000 },
  )
}

/** One container; looked at often while something is done with it. */
export function useFleetContainer(host: () => string, name: () => string, busy: () => boolean) {
  return useThing<FleetContainer>(
    () => ['fleetContainer', host(), name()],
    (signal) => body(server.GET('/api/v1/hosts/{id}/containers/{name}', { params: { path: { id: host(), name: name() } }, signal })),
    { refreshMs: () => (busy() ? 2_000 : 10_000) },
  )
}

/** Orders it; the order says what becomes of it. */
export async function act(host: string, name: string, action: ContainerAction, graceS?: number): Promise<string> {
  const params = { path: { id: host, name } }
  const how = { params, body: graceS === undefined ? {} : { graceS } }
  switch (action) {
    case 'start':
      return (await body(server.POST('/api/v1/hosts/{id}/containers/{name}/start', { params }))).orderId
    case 'stop':
      return (await body(server.POST('/api/v1/hosts/{id}/containers/{name}/stop', how))).orderId
    case 'restart':
      return (await body(server.POST('/api/v1/hosts/{id}/containers/{name}/restart', how))).orderId
  }
}

/** The order until it has ended. */
export function useOrder(id: () => string) {
  return useThing<ContainerOrder>(
    () => ['order', id()],
    (signal) => body(server.GET('/api/v1/orders/{id}', { params: { path: { id: id() } }, signal })),
    { enabled: () => id() !== '', refreshMs: (seen) => (seen?.endedAt ? false : 1_000) },
  )
}
