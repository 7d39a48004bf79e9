import { shallowRef, watch, type ShallowRef } from 'vue'
import { useEventStream, type StreamState } from '@/api/useEventStream'
import type { Schemas } from '@/api/server'
import type { TimeWindow } from '@/charts/range'
import type { Metrics } from './useMetrics'

/** A live sample as a point of each series. */
export interface LivePoint {
  at: number
  values: Record<string, number>
}

/** How much is kept: the live range and a little more. */
const KEPT = 700

/** Live readings of a host, or of one of its containers, while `host` is not null. */
export function useLive(host: () => string | null, container?: () => string): { points: ShallowRef<readonly LivePoint[]>; state: { value: StreamState } } {
  const points = shallowRef<readonly LivePoint[]>([])
  watch(host, () => (points.value = []))
  const { state } = useEventStream(
    () => {
      const id = host()
      return id === null ? null : `/hosts/${id}/live`
    },
    ['sample'],
    ({ data }) => {
      const sample = JSON.parse(data) as Schemas['LiveSample']
      const values = container ? sample.containers[container()] : sample.values
      if (values) points.value = [...points.value.slice(1 - KEPT), { at: Date.parse(sample.at), values }]
    },
  )
  return { points, state }
}

/** The stored points up to the first live one, then the live ones. */
export function withLive(metrics: Metrics, live: readonly LivePoint[]): Metrics {
  const first = live[0]
  if (!first || metrics.tier !== 'raw') return metrics
  return {
    ...metrics,
    series: metrics.series.map((one) => ({
      ...one,
      points: [
        ...one.points.filter((point) => (point[0] ?? 0) < first.at),
        ...live.flatMap(({ at, values }) => {
          const value = values[one.name]
          return value === undefined ? [] : [[at, ...metrics.stats.map(() => value)]]
        }),
      ],
    })),
  }
}

/** The window that ends with the newest reading. */
export function liveWindow(window: TimeWindow, live: readonly LivePoint[]): TimeWindow {
  const last = live.at(-1)
  return last && last.at > window.to ? { from: last.at - (window.to - window.from), to: last.at } : window
}
