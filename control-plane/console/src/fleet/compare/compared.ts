/** A few hosts beside each other: one chart for each reading, a line for each host. Pure. */
import type { ChartSeries } from '@/charts/model'
import { instanceOf } from '@/fleet/catalogue'
import type { Metrics } from '@/fleet/useMetrics'
import type { Unit } from '@/format/units'

/** As many as there are colours. */
export const MOST_COMPARED = 8

export interface ComparedChart {
  key: string
  unit: Unit
  top?: number
  /** With a `*`, the instances become one line: their sum, or the greatest. */
  series: string
  fold: 'sum' | 'max'
  /** Divides by this and shows percent. */
  of?: string
  /** Divides by the host's number of CPUs. */
  perCpu?: boolean
  factor?: number
}

export const COMPARED: readonly ComparedChart[] = [
  { key: 'cpu', unit: 'percent', top: 100, series: 'cpu.total', fold: 'max' },
  { key: 'memory', unit: 'percent', top: 100, series: 'memory.used', of: 'memory.total', fold: 'max' },
  { key: 'load', unit: 'count', series: 'load.1', perCpu: true, fold: 'max' },
  { key: 'disk', unit: 'percent', top: 100, series: 'disk.*.used', of: 'disk.*.total', fold: 'max' },
  { key: 'received', unit: 'bitsPerSecond', series: 'net.*.rxBytes', fold: 'max', factor: 8 },
  { key: 'sent', unit: 'bitsPerSecond', series: 'net.*.txBytes', fold: 'max', factor: 8 },
  { key: 'read', unit: 'bytesPerSecond', series: 'diskio.*.readBytes', fold: 'sum' },
  { key: 'written', unit: 'bytesPerSecond', series: 'diskio.*.writeBytes', fold: 'sum' },
  { key: 'diskBusy', unit: 'percent', top: 100, series: 'diskio.*.busy', fold: 'max' },
  { key: 'tcp', unit: 'count', series: 'tcp.established', fold: 'max' },
  { key: 'processes', unit: 'count', series: 'process.total', fold: 'max' },
  { key: 'swap', unit: 'bytes', series: 'swap.used', fold: 'max' },
]

export const COMPARED_SERIES = [...new Set(COMPARED.flatMap((chart) => (chart.of ? [chart.series, chart.of] : [chart.series])))].join(',')

/** `id,id` of the address: each once, and no more than there is room for. */
export function idsOf(text: string): string[] {
  return [...new Set(text.split(',').filter((id) => /^[0-9a-f-]{36}$/i.test(id)))].slice(0, MOST_COMPARED)
}

type Points = Metrics['series'][number]['points']

/** One line of a host's instances: what was read at the same time is folded; a time that only one has is kept. */
export function foldedPoints(chart: ComparedChart, metrics: Metrics, cpus: number): Points {
  if (chart.perCpu && !cpus) return []
  const column = Math.max(0, metrics.stats.indexOf('avg')) + 1
  const by = new Map<number, number>()
  for (const one of metrics.series) {
    const instance = instanceOf(chart.series, one.name)
    if (instance === null) continue
    const of = chart.of?.replace('*', instance)
    const whole = of === undefined ? null : metrics.series.find((other) => other.name === of)
    const totals = whole ? new Map(whole.points.map((point) => [point[0], point[column]])) : null
    if (of !== undefined && !totals) continue
    for (const point of one.points) {
      const [time] = point
      let value = point[column]
      if (time == null || value == null) continue
      if (totals) {
        const total = totals.get(time)
        if (!total) continue
        value = (value / total) * 100
      }
      if (chart.perCpu) value /= cpus
      const before = by.get(time)
      by.set(time, before === undefined ? value : chart.fold === 'sum' ? before + value : Math.max(before, value))
    }
  }
  return [...by].sort((a, b) => a[0] - b[0])
}

export interface ComparedHost {
  id: string
  name: string
  cpus: number
  /** 1–8, the same on every chart. */
  color: number
  hidden: boolean
  metrics: Metrics | undefined
}

/** A line for each host that is shown; one without readings stays in the legend, so that nobody takes it for another. */
export function comparedLines(chart: ComparedChart, hosts: readonly ComparedHost[]): ChartSeries[] {
  return hosts
    .filter((host) => !host.hidden && host.metrics)
    .map((host) => ({ name: host.id, label: host.name, color: host.color, factor: chart.factor, points: host.metrics ? foldedPoints(chart, host.metrics, host.cpus) : [] }))
}

/** Whether any of the hosts has such a reading at all. */
export function isMeasured(chart: ComparedChart, hosts: readonly ComparedHost[]): boolean {
  return hosts.some((host) => host.metrics?.series.some((one) => one.points.length > 0 && instanceOf(chart.series, one.name) !== null))
}
