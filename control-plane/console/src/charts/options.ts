import uPlot from 'uplot'
import { BINARY_INCREMENTS, type ChartSeries } from './model'
import { drawBands, drawLines, type Mark } from './marks'
import type { TimeWindow } from './range'

interface Wanted {
  width: number
  height: number
  series: readonly ChartSeries[]
  group: string
  top: number | undefined
  binary: boolean
  locale: string
  tick: (value: number) => string
  onCursor: (index: number | null, left: number) => void
  onZoom: (fromMs: number, toMs: number) => void
  onReset: () => void
  window: () => TimeWindow
  marks: () => readonly Mark[]
}

function token(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim()
}

const FONT = '11px system-ui, sans-serif'

/** Dates under the axis in the reader's language: the hour, and the day where it changes. */
function timeLabels(locale: string): uPlot.Axis.Values {
  const clock = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit', hour12: false })
  const seconds = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false })
  const day = new Intl.DateTimeFormat(locale, { month: 'short', day: 'numeric' })
  return (_u, splits, _axis, _space, increment) => {
    let before = ''
    return splits.map((split) => {
      const date = split * 1000
      const today = day.format(date)
      if (increment >= 86_400) return today
      const label = increment < 60 ? seconds.format(date) : clock.format(date)
      const changed = before !== '' && today !== before
      before = today
      return changed ? `${label}\n${today}` : label
    })
  }
}

/** A point on its own has no line to either side, so it is drawn as a dot. */
function lonely(u: uPlot, seriesIndex: number): number[] {
  const values = u.data[seriesIndex] ?? []
  const at = (i: number) => values[i] ?? null
  const found: number[] = []
  let before: number | null = null
  for (let i = 0; i < values.length; i += 1) {
    if (values[i] === undefined) continue
    const next = (() => {
      for (let j = i + 1; j < values.length; j += 1) if (values[j] !== undefined) return at(j)
      return null
    })()
    if (at(i) !== null && before === null && next === null) found.push(i)
    before = at(i)
  }
  return found
}

export function options(wanted: Wanted): uPlot.Options {
  const axis = {
    stroke: token('--ink-3'),
    font: FONT,
    grid: { stroke: token('--grid'), width: 1 },
    ticks: { show: false },
  }
  const series: uPlot.Series[] = [{}]
  const bands: uPlot.Band[] = []
  wanted.series.forEach((one, i) => {
    const color = token(`--series-${one.color}`)
    series.push(
      {
        label: one.label,
        stroke: color,
        width: 1.5,
        spanGaps: false,
        points: { show: true, size: 4, fill: color, stroke: color, filter: (u, index) => lonely(u, index) },
      },
      { label: `${one.label} min`, stroke: 'transparent', width: 0, points: { show: false } },
      { label: `${one.label} max`, stroke: 'transparent', width: 0, points: { show: false } },
    )
    bands.push({ series: [i * 3 + 3, i * 3 + 2], fill: `color-mix(in srgb, ${color} 17%, transparent)` })
  })
  return {
    width: Math.max(120, wanted.width),
    height: wanted.height,
    padding: [6, 4, 0, 0],
    legend: { show: false },
    cursor: {
      sync: { key: wanted.group, setSeries: false },
      y: false,
      drag: { x: true, y: false, setScale: false },
      points: { size: 7, show: (u, i) => ((i - 1) % 3 === 0 ? pointOf(u, i) : document.createElement('i')) },
      bind: { dblclick: () => () => (wanted.onReset(), null) },
    },
    select: { show: true, left: 0, top: 0, width: 0, height: 0 },
    scales: {
      x: { time: true, range: () => [wanted.window().from / 1000, wanted.window().to / 1000] },
      y: {
        range: (_u, _low, high) => {
          if (wanted.top !== undefined) return [0, Math.max(wanted.top, high || 0)]
          return [0, high > 0 ? high * 1.08 : 1]
        },
      },
    },
    axes: [
      { ...axis, size: 34, space: 64, values: timeLabels(wanted.locale) },
      {
        ...axis,
        size: 64,
        space: 34,
        gap: 6,
        values: (_u, splits) => splits.map((value) => wanted.tick(value)),
        ...(wanted.binary ? { incrs: BINARY_INCREMENTS } : {}),
      },
    ],
    series,
    bands,
    hooks: {
      drawClear: [(u) => drawBands(u, wanted.marks(), token)],
      draw: [(u) => drawLines(u, wanted.marks(), token)],
      setCursor: [
        (u) => {
          const left = u.cursor.left ?? -1
          wanted.onCursor(left < 0 ? null : (u.cursor.idx ?? null), left)
        },
      ],
      setSelect: [
        (u) => {
          if (u.select.width < 6) return
          const from = u.posToVal(u.select.left, 'x') * 1000
          const to = u.posToVal(u.select.left + u.select.width, 'x') * 1000
          u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false)
          if (to - from >= 10_000) wanted.onZoom(from, to)
        },
      ],
    },
  }
}

/** The dot that rides on a line under the crosshair. */
function pointOf(u: uPlot, index: number): HTMLElement {
  const dot = document.createElement('div')
  const stroke = u.series[index]?.stroke
  dot.style.background = typeof stroke === 'function' ? String(stroke(u, index)) : String(stroke ?? '')
  return dot
}
