import { computed } from 'vue'
import { keepPreviousData, useQuery } from '@tanstack/vue-query'
import { everyPage } from '@/api/everyPage'
import { body, server, some } from '@/api/server'
import type { Host, HostFilter, HostStatus } from '@/fleet/useHosts'
import { toMs } from '@/format/time'
import type { WallHost } from './grouping'
import { WALL_SERIES, readingsOf, type Readings } from './measures'

/** Who is in the fleet changes slowly, and is much to ask for. */
const HOSTS_MS = 60_000
const VALUES_MS = 10_000

/** Thousands of rows that are replaced as a whole: to compare them or to watch each of their fields takes longer than to draw them. */
const WHOLE = { shallow: true, structuralSharing: false } as const

function onlyWhatIsShown(host: Host): WallHost {
  return {
    id: host.id,
    name: host.name,
    status: host.status,
    clusterId: host.clusterId ?? '',
    environment: host.environment ?? '',
    labels: host.labels ?? {},
    cpus: host.facts?.cpus ?? 0,
  }
}

function hostsOf({ businessStatus, ...filter }: HostFilter, signal: AbortSignal): Promise<Host[]> {
  const query = some({ ...filter, status: filter.status || undefined, businessStatus: businessStatus ? Number(businessStatus) : undefined })
  return everyPage((cursor) => body(server.GET('/api/v1/hosts', { params: { query: some({ ...query, limit: 500, cursor }) }, signal })))
}

/** Every host that passes the filter, with its present values. */
export function useWall(filter: () => HostFilter) {
  // Its status is looked at apart: it changes more often than the rest.
  const place = computed<HostFilter>(() => ({ ...filter(), status: '' }))
  const list = useQuery({
    queryKey: computed(() => ['hosts', 'wall', place.value]),
    queryFn: async ({ signal }) => (await hostsOf(place.value, signal)).map(onlyWhatIsShown),
    refetchInterval: HOSTS_MS,
    staleTime: HOSTS_MS / 2,
    placeholderData: keepPreviousData,
    ...WHOLE,
  })
  /** Those that are not online: few, as a rule. */
  const unwell = useQuery({
    queryKey: ['hosts', 'unwell'],
    queryFn: async ({ signal }) => {
      const found = new Map<string, HostStatus>()
      for (const status of ['offline', 'degraded'] as const) for (const host of await hostsOf({ status }, signal)) found.set(host.id, status)
      return found
    },
    refetchInterval: VALUES_MS,
    ...WHOLE,
  })
  const values = useQuery({
    queryKey: ['metrics', 'latest', WALL_SERIES],
    queryFn: async ({ signal }) => {
      const { items } = await body(server.GET('/api/v1/metrics/latest', { params: { query: { series: WALL_SERIES } }, signal }))
      return new Map(items.map((one) => [one.hostId, one]))
    },
    refetchInterval: VALUES_MS,
    ...WHOLE,
  })

  const hosts = computed<WallHost[] | undefined>(() => {
    const seen = unwell.data.value
    if (!list.data.value || !seen) return undefined
    const { status } = filter()
    const now = list.data.value.map((host) => ({ ...host, status: seen.get(host.id) ?? 'online' }))
    return status ? now.filter((host) => host.status === status) : now
  })
  const readings = computed<ReadonlyMap<string, Readings> | undefined>(() => {
    const latest = values.data.value
    if (!latest || !hosts.value) return undefined
    const found = new Map<string, Readings>()
    for (const { id, cpus } of hosts.value) {
      const one = latest.get(id)
      if (one) found.set(id, readingsOf(toMs(one.at), one.values, cpus))
    }
    return found
  })
  return {
    hosts,
    readings,
    loaded: computed(() => (hosts.value && readings.value ? { hosts: hosts.value, readings: readings.value } : undefined)),
    error: computed(() => values.error.value ?? list.error.value ?? unwell.error.value),
    pending: computed(() => values.isPending.value || list.isPending.value || unwell.isPending.value),
    updatedAt: computed(() => values.dataUpdatedAt.value),
    retry: () => void Promise.all([values.refetch(), list.refetch(), unwell.refetch()]),
  }
}
