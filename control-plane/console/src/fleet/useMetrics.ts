import { computed, toValue, type MaybeRefOrGetter } from 'vue'
import { keepPreviousData, useQuery } from '@tanstack/vue-query'
import { api } from '@/api/client'
import type { Metrics } from '@/api/types'
import { stepFor, type TimeWindow } from '@/charts/range'

/** Points of some series of a host or container; the server picks raw, hour or day and says which. */
export function useMetrics(
  /** `/hosts/{id}` or `/hosts/{id}/containers/{name}` */
  subject: () => string,
  series: () => readonly string[],
  window: () => TimeWindow,
  options: { points?: number; enabled?: MaybeRefOrGetter<boolean> } = {},
) {
  const query = useQuery({
    queryKey: computed(() => ['metrics', subject(), series().join(), window().from, window().to]),
    queryFn: ({ signal }) =>
      api.get<Metrics>(
        `${subject()}/metrics`,
        {
          series: series().join(','),
          from: Math.round(window().from),
          to: Math.round(window().to),
          step: stepFor(window(), options.points),
        },
        signal,
      ),
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
