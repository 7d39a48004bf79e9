import { computed } from 'vue'
import { keepPreviousData, useQueries, useQuery } from '@tanstack/vue-query'
import { asProblem, type Problem } from '@/api/problem'
import { body, server } from '@/api/server'
import { stepFor, type TimeWindow } from '@/charts/range'
import type { Metrics } from '@/fleet/useMetrics'
import { readHost } from '@/fleet/useHosts'
import { COMPARED_SERIES, type ComparedHost } from './compared'

const REFRESH_MS = 30_000

type Answer = { metrics: Metrics } | { problem: Problem }

/** The hosts and their readings in the same time. One that fails does not take the others with it. */
export function useCompared(ids: () => readonly string[], hidden: () => ReadonlySet<string>, window: () => TimeWindow) {
  const hosts = useQueries({
    queries: computed(() => ids().map((id) => ({ queryKey: ['host', id], queryFn: () => readHost(id), refetchInterval: REFRESH_MS }))),
  })
  const metrics = useQuery({
    queryKey: computed(() => ['metrics', 'compared', ids().join(), window().from, window().to]),
    queryFn: async ({ signal }) => {
      const { from, to } = window()
      const query = { series: COMPARED_SERIES, from: String(Math.round(from)), to: String(Math.round(to)), step: String(stepFor({ from, to }, 240)), stats: 'avg' }
      const answers = ids().map(async (id): Promise<[string, Answer]> => {
        try {
          return [id, { metrics: await body(server.GET('/api/v1/hosts/{id}/metrics', { params: { path: { id }, query }, signal })) }]
        } catch (error) {
          if (signal.aborted) throw error
          return [id, { problem: asProblem(error) }]
        }
      })
      return new Map(await Promise.all(answers))
    },
    enabled: computed(() => ids().length > 0),
    // The window moves on, so an old answer is of no more use than to bridge the wait for the next.
    gcTime: 20_000,
    staleTime: Infinity,
    placeholderData: keepPreviousData,
    structuralSharing: false,
    shallow: true,
  })
  const answerOf = (id: string) => metrics.data.value?.get(id)
  const compared = computed<ComparedHost[]>(() =>
    ids().map((id, i) => {
      const host = hosts.value[i]?.data
      const answer = answerOf(id)
      return { id, name: host?.name ?? '', cpus: host?.facts?.cpus ?? 0, color: (i % 8) + 1, hidden: hidden().has(id), metrics: answer && 'metrics' in answer ? answer.metrics : undefined }
    }),
  )
  const problems = computed(() =>
    ids().flatMap((id, i) => {
      const answer = answerOf(id)
      const error = hosts.value[i]?.error ?? (answer && 'problem' in answer ? answer.problem : null) ?? metrics.error.value
      return error ? [{ id, name: hosts.value[i]?.data?.name ?? '', problem: asProblem(error) }] : []
    }),
  )
  return {
    compared,
    hosts: computed(() => hosts.value.map((one) => one.data)),
    problems,
    pending: metrics.isPending,
    retry: () => void Promise.all([metrics.refetch(), ...hosts.value.filter((one) => one.error).map((one) => one.refetch())]),
  }
}
