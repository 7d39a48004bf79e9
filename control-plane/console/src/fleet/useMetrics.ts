import { computed, toValue, type MaybeRefOrGetter } from 'vue'
import { keepPreviousData, useQuery } from '@tanstack/vue-query'
import { withOrg } from '@/api/http'
import { body, server, type Schemas } from '@/api/server'
import { stepFor, type TimeWindow } from '@/charts/range'

export type Metrics = Schemas['Metrics']

/** Whose readings: a host's, or those of one of its containers. */
export interface Subject {
  host: string
  container?: string
}

/** Points of some series; the server picks raw, hour or day and says which. */
export function useMetrics(
  subject: () => Subject,
  series: () => readonly string[],
  window: () => TimeWindow,
  options: { points?: number; enabled?: MaybeRefOrGetter<boolean> } = {},
) {
  const query = useQuery({
    queryKey: computed(() => ['metrics', subject(), series().join(), window().from, window().to]),
    queryFn: ({ signal }): Promise<Metrics> => {
      const { host: id, container: name } = subject()
      const query = {
        series: series().join(','),
        from: String(Math.round(window().from)),
        to: String(Math.round(window().to)),
        step: String(stepFor(window(), options.points)),
      }
      return name === undefined
        ? body(server.GET('/api/v1/hosts/{id}/metrics', { params: { path: { id }, query }, signal }))
        : body(server.GET('/api/v1/hosts/{id}/containers/{name}/metrics', { params: { path: { id, name }, query }, signal }))
    },
    enabled: computed(() => toValue(options.enabled) ?? true),
    // The window moves on, so an old answer is of no more use than to bridge the wait for the next.
    gcTime: 20_000,
    staleTime: Infinity,
    placeholderData: keepPreviousData,
  })
  return {
    data: query.data,
    error: query.error,
    pending: query.isPending,
    retry: () => void query.refetch(),
  }
}

const RAW_SPAN_MS = 36 * 3_600_000
const HOUR_SPAN_MS = 60 * 86_400_000

/** Where the readings of a time are had as a CSV file: those that its charts are made of. */
export function tableAddress({ host, container }: Subject, { from, to }: TimeWindow, tier?: string): string {
  const span = to - from
  const query = new URLSearchParams({
    from: String(Math.round(from)),
    to: String(Math.round(to)),
    tier: tier ?? (span <= RAW_SPAN_MS ? 'raw' : span <= HOUR_SPAN_MS ? 'hour' : 'day'),
  })
  const whose = container === undefined ? '' : `/containers/${encodeURIComponent(container)}`
  return withOrg(`/api/v1/hosts/${host}${whose}/metrics/export?${query}`)
}
