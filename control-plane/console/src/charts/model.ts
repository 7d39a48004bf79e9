/** From the query's answer to what the chart draws. Pure, so that it can be tested without a canvas. */
import type { AlignedData } from 'uplot'

/** One point: the time in ms and one number for each statistic asked for; `null` where there is none. */
export type MetricPoint = readonly (number | null)[]

export interface ChartSeries {
  name: string
  label: string
  /** Which of the eight series colours, from 1. */
  color: number
  points: readonly MetricPoint[]
  /** Multiplies every value: bytes to bits, hundredths to percent. */
  factor?: number
}

/** Where avg, min and max stand in a point, by the answer's `stats`. */
export interface Columns {
  avg: number
  min: number
  max: number
}

export function columnsOf(stats: readonly string[]): Columns {
  const at = (name: string) => {
    const index = stats.indexOf(name)
    return index < 0 ? -1 : index + 1
  }
  const avg = at('avg') > 0 ? at('avg') : at('last') > 0 ? at('last') : 1
  return { avg, min: at('min'), max: at('max') }
}

/** A gap is more than this many steps without a point. */
const GAP_STEPS = 2.5

/**
 * One x column and three y columns (average, minimum, maximum) for each series. Times in seconds, as uPlot wants them.
 * A gap in a series gets a `null`, so that nothing is drawn over it.
 */
export function align(series: readonly ChartSeries[], columns: Columns, stepS: number): AlignedData {
  const gapMs = Math.max(1, stepS) * 1000 * GAP_STEPS
  const times = new Set<number>()
  for (const one of series) {
    let before: number | undefined
    for (const point of one.points) {
      const time = point[0]
      if (time == null) continue
      if (before !== undefined && time - before > gapMs) times.add(before + Math.max(1, stepS) * 1000)
      times.add(time)
      before = time
    }
  }
  const xs = [...times].sort((a, b) => a - b)
  const index = new Map(xs.map((time, i) => [time, i]))
  const data: (number | null)[][] = []
  for (const one of series) {
    const blank = () => new Array<number | null | undefined>(xs.length).fill(undefined)
    const avg = blank()
    const min = blank()
    const max = blank()
    const factor = one.factor ?? 1
    const put = (column: (number | null | undefined)[], i: number, value: number | null | undefined) => {
      column[i] = value == null ? null : value * factor
    }
    let before: number | undefined
    for (const point of one.points) {
      const time = point[0]
      if (time == null) continue
      const i = index.get(time) as number
      put(avg, i, point[columns.avg])
      put(min, i, columns.min > 0 ? point[columns.min] : point[columns.avg])
      put(max, i, columns.max > 0 ? point[columns.max] : point[columns.avg])
      if (before !== undefined && time - before > gapMs) {
        // Also where others have points: the gap is as wide as it is.
        for (let gap = (index.get(before) as number) + 1; gap < i; gap += 1) avg[gap] = min[gap] = max[gap] = null
      }
      before = time
    }
    // uPlot: `undefined` is "no point here, draw on", `null` is "nothing here, stop".
    data.push(avg as (number | null)[], min as (number | null)[], max as (number | null)[])
  }
  return [xs.map((time) => time / 1000), ...data] as AlignedData
}

/** The last value of each series, for a legend that nobody points at. */
export function lastValue(series: ChartSeries, columns: Columns): number | null {
  for (let i = series.points.length - 1; i >= 0; i -= 1) {
    const value = series.points[i]?.[columns.avg]
    if (value != null) return value * (series.factor ?? 1)
  }
  return null
}

/** Smallest, largest and latest value of a chart's series, for its spoken description. */
export function summary(series: ChartSeries, columns: Columns): { low: number; high: number; last: number } | null {
  let low = Infinity
  let high = -Infinity
  const factor = series.factor ?? 1
  for (const point of series.points) {
    const a = columns.min > 0 ? point[columns.min] : point[columns.avg]
    const b = columns.max > 0 ? point[columns.max] : point[columns.avg]
    if (a != null) low = Math.min(low, a * factor)
    if (b != null) high = Math.max(high, b * factor)
  }
  const last = lastValue(series, columns)
  return last === null ? null : { low: Math.min(low, last), high: Math.max(high, last), last }
}

/** Tick distances that read well in base 2: 1, 2, 4, 8 … times a power of 1024. */
export const BINARY_INCREMENTS: number[] = Array.from({ length: 60 }, (_, power) => 2 ** power)
