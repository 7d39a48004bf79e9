import { computed, toValue, type MaybeRefOrGetter } from 'vue'
import { useQuery } from '@tanstack/vue-query'

interface ThingOptions<T> {
  enabled?: MaybeRefOrGetter<boolean>
  /** May depend on what was seen: a finished thing need not be asked for again. */
  refreshMs?: (seen: T | undefined) => number | false
}

/** One thing, refreshed in the background. */
export function useThing<T>(key: () => readonly unknown[], fetchOne: (signal: AbortSignal, key: readonly unknown[]) => Promise<T>, options: ThingOptions<T> = {}) {
  const query = useQuery({
    queryKey: computed(key),
    queryFn: ({ signal, queryKey }) => fetchOne(signal, queryKey),
    enabled: computed(() => toValue(options.enabled) ?? true),
    refetchInterval: (state) => options.refreshMs?.(state.state.data as T | undefined) ?? false,
  })
  let waiting = false
  /** Something is new: asks once more when the answer that is on its way has come. Never cuts one short, however often it is told. */
  async function renew(): Promise<void> {
    if (waiting) return
    waiting = true
    if (query.isFetching.value) await query.refetch({ cancelRefetch: false })
    waiting = false
    await query.refetch({ cancelRefetch: false })
  }
  return {
    data: query.data as Readonly<typeof query.data>,
    error: query.error,
    pending: query.isPending,
    updatedAt: query.dataUpdatedAt,
    retry: () => void query.refetch(),
    renew: () => void renew(),
  }
}
