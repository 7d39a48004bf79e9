import { computed, toValue, type MaybeRefOrGetter } from 'vue'
import { keepPreviousData, useInfiniteQuery } from '@tanstack/vue-query'
import type { Page } from './page'

interface ListOptions {
  enabled?: MaybeRefOrGetter<boolean>
  refreshMs?: MaybeRefOrGetter<number | false>
}

/**
 * A keyset list: pages one after another, refreshed in the background, the old rows kept while new ones are on the way.
 * Where two lists of one page may have the same key, what is fetched must come from `key`: either may fetch for both.
 */
export function useList<T>(
  key: () => readonly unknown[],
  fetchPage: (cursor: string | undefined, signal: AbortSignal, key: readonly unknown[]) => Promise<Page<T>>,
  options: ListOptions = {},
) {
  const query = useInfiniteQuery({
    queryKey: computed(key),
    queryFn: ({ pageParam, signal, queryKey }) => fetchPage(pageParam, signal, queryKey),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last: Page<T>) => last.nextCursor ?? undefined,
    enabled: computed(() => toValue(options.enabled) ?? true),
    refetchInterval: () => toValue(options.refreshMs) ?? false,
    placeholderData: keepPreviousData,
  })
  return {
    items: computed<T[]>(() => query.data.value?.pages.flatMap((page) => page.items) ?? []),
    loaded: computed<T[] | undefined>(() => query.data.value?.pages.flatMap((page) => page.items)),
    error: query.error,
    pending: query.isPending,
    updatedAt: query.dataUpdatedAt,
    hasMore: query.hasNextPage,
    loadingMore: query.isFetchingNextPage,
    loadMore: () => void query.fetchNextPage(),
    retry: () => void query.refetch(),
  }
}
