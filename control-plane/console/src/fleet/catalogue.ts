/** Which charts a host's and a container's page show. A `*` stands for each core, mount point, device or interface. */
import type { ChartSeries } from '@/charts/model'
import type { Metrics } from './useMetrics'
import type { Unit } from '@/format/units'

interface Line {
  series: string
  /** i18n key below `series`; the instance is put behind it. */
  label: string
  /** 1–8. With instances, the first one's colour. */
  color: number
  factor?: number
  /** Divides point by point by this series and shows percent. */
  of?: string
}

export interface ChartSpec {
  key: string
  unit: Unit
  top?: number
  lines: Line[]
}

export interface Section {
  key: string
  charts: ChartSpec[]
}

export const HOST_SECTIONS: Section[] = [
  {
    key: 'cpu',
    charts: [
      {
        key: 'cpu',
        unit: 'percent',
        top: 100,
        lines: [
          { series: 'cpu.total', label: 'total', color: 1 },
          { series: 'cpu.user', label: 'user', color: 3 },
          { series: 'cpu.system', label: 'system', color: 2 },
          { series: 'cpu.iowait', label: 'iowait', color: 5 },
          { series: 'cpu.steal', label: 'steal', color: 8 },
        ],
      },
      {
        key: 'load',
        unit: 'count',
        lines: [
          { series: 'load.1', label: 'load1', color: 1 },
          { series: 'load.5', label: 'load5', color: 3 },
          { series: 'load.15', label: 'load15', color: 4 },
        ],
      },
      { key: 'cores', unit: 'percent', top: 100, lines: [{ series: 'cpu.core.*', label: 'core', color: 1 }] },
      {
        key: 'processes',
        unit: 'count',
        lines: [
          { series: 'process.total', label: 'processes', color: 1 },
          { series: 'process.running', label: 'running', color: 2 },
        ],
      },
    ],
  },
  {
    key: 'memory',
    charts: [
      {
        key: 'memory',
        unit: 'bytes',
        lines: [
          { series: 'memory.used', label: 'used', color: 1 },
          { series: 'memory.cached', label: 'cached', color: 3 },
          { series: 'memory.buffers', label: 'buffers', color: 2 },
          { series: 'memory.available', label: 'available', color: 4 },
        ],
      },
      {
        key: 'swap',
        unit: 'bytes',
        lines: [
          { series: 'swap.used', label: 'used', color: 1 },
          { series: 'swap.total', label: 'total', color: 8 },
        ],
      },
    ],
  },
  {
    key: 'disks',
    charts: [
      { key: 'diskSpace', unit: 'percent', top: 100, lines: [{ series: 'disk.*.used', of: 'disk.*.total', label: 'used', color: 1 }] },
      { key: 'inodes', unit: 'percent', top: 100, lines: [{ series: 'disk.*.inodesUsed', of: 'disk.*.inodesTotal', label: 'used', color: 1 }] },
      {
        key: 'diskBytes',
        unit: 'bytesPerSecond',
        lines: [
          { series: 'diskio.*.readBytes', label: 'read', color: 1 },
          { series: 'diskio.*.writeBytes', label: 'write', color: 2 },
        ],
      },
      {
        key: 'diskOps',
        unit: 'perSecond',
        lines: [
          { series: 'diskio.*.readOps', label: 'read', color: 1 },
          { series: 'diskio.*.writeOps', label: 'write', color: 2 },
        ],
      },
      { key: 'diskBusy', unit: 'percent', top: 100, lines: [{ series: 'diskio.*.busy', label: 'busy', color: 1 }] },
    ],
  },
  {
    key: 'network',
    charts: [
      {
        key: 'netBytes',
        unit: 'bitsPerSecond',
        lines: [
          { series: 'net.*.rxBytes', label: 'received', color: 1, factor: 8 },
          { series: 'net.*.txBytes', label: 'sent', color: 2, factor: 8 },
        ],
      },
      {
        key: 'netPackets',
        unit: 'perSecond',
        lines: [
          { series: 'net.*.rxPackets', label: 'received', color: 1 },
          { series: 'net.*.txPackets', label: 'sent', color: 2 },
        ],
      },
      {
        key: 'netTrouble',
        unit: 'count',
        lines: [
          { series: 'net.*.rxErrors', label: 'rxErrors', color: 1 },
          { series: 'net.*.txErrors', label: 'txErrors', color: 2 },
          { series: 'net.*.rxDrops', label: 'rxDrops', color: 3 },
          { series: 'net.*.txDrops', label: 'txDrops', color: 4 },
        ],
      },
    ],
  },
  {
    key: 'tcp',
    charts: [
      {
        key: 'tcp',
        unit: 'count',
        lines: [
          { series: 'tcp.established', label: 'established', color: 1 },
          { series: 'tcp.timeWait', label: 'timeWait', color: 2 },
          { series: 'tcp.inUse', label: 'inUse', color: 3 },
          { series: 'tcp.orphan', label: 'orphan', color: 5 },
        ],
      },
      { key: 'retransmits', unit: 'count', lines: [{ series: 'tcp.retransmits', label: 'retransmits', color: 5 }] },
    ],
  },
]

export const CONTAINER_SECTION: Section = {
  key: 'container',
  charts: [
    { key: 'cpu', unit: 'percent', lines: [{ series: 'container.cpu', label: 'total', color: 1 }] },
    {
      key: 'memory',
      unit: 'bytes',
      lines: [
        { series: 'container.memory.used', label: 'used', color: 1 },
        { series: 'container.memory.limit', label: 'limit', color: 8 },
      ],
    },
    {
      key: 'netBytes',
      unit: 'bitsPerSecond',
      lines: [
        { series: 'container.net.rxBytes', label: 'received', color: 1, factor: 8 },
        { series: 'container.net.txBytes', label: 'sent', color: 2, factor: 8 },
      ],
    },
    {
      key: 'diskBytes',
      unit: 'bytesPerSecond',
      lines: [
        { series: 'container.io.readBytes', label: 'read', color: 1 },
        { series: 'container.io.writeBytes', label: 'write', color: 2 },
      ],
    },
    { key: 'pids', unit: 'count', lines: [{ series: 'container.pids', label: 'pids', color: 1 }] },
    { key: 'restarts', unit: 'count', lines: [{ series: 'container.restarts', label: 'restarts', color: 5 }] },
  ],
}

/** Every series that a section asks for. */
export function seriesOf(section: Section): string[] {
  const names = section.charts.flatMap((chart) => chart.lines.flatMap((line) => (line.of ? [line.series, line.of] : [line.series])))
  return [...new Set(names)]
}

/** What `*` stood for in `name`, or null if `pattern` does not match; `''` where there is no `*`. */
export function instanceOf(pattern: string, name: string): string | null {
  const star = pattern.indexOf('*')
  if (star < 0) return pattern === name ? '' : null
  const before = pattern.slice(0, star)
  const after = pattern.slice(star + 1)
  if (!name.startsWith(before) || !name.endsWith(after) || name.length <= before.length + after.length) return null
  return name.slice(before.length, name.length - after.length)
}

type Points = Metrics['series'][number]['points']

/** `100 · a / b`, statistic by statistic; the whole is nearly constant, so its average stands for all three. */
function percentOf(part: Points, whole: Points): Points {
  const by = new Map(whole.map((point) => [point[0], point[1]]))
  return part.flatMap((point) => {
    const total = by.get(point[0])
    return total ? [point.map((value, i) => (i === 0 ? value : (value / total) * 100))] : []
  })
}

/** The lines of one chart in an answer. Nothing measured (no swap, no such device) means no lines. */
export function linesOf(chart: ChartSpec, metrics: Metrics, label: (key: string) => string): ChartSeries[] {
  const found: ChartSeries[] = []
  chart.lines.forEach((line) => {
    const matches = metrics.series
      .map((one) => ({ one, instance: instanceOf(line.series, one.name) }))
      .filter((match): match is { one: Metrics['series'][number]; instance: string } => match.instance !== null)
      .sort((a, b) => a.instance.localeCompare(b.instance, 'en', { numeric: true }))
    matches.forEach(({ one, instance }, i) => {
      const whole = line.of ? metrics.series.find((other) => other.name === line.of?.replace('*', instance)) : undefined
      const stride = Math.max(1, chart.lines.length)
      const color = instance === '' ? line.color : ((line.color - 1 + i * stride) % 8) + 1
      const said = label(line.label)
      found.push({
        name: one.name,
        label: instance === '' ? said : line.label === 'core' ? `${said} ${instance}` : chart.lines.length === 1 ? instance : `${instance} ${said}`,
        color,
        factor: line.factor,
        points: whole ? percentOf(one.points, whole.points) : one.points,
      })
    })
  })
  return found
}

/** Above this many lines a chart leaves out those that stayed at zero: idle interfaces, errors that never happened. */
const CROWD = 6

/** The lines worth drawing, and how many were left out. One is always kept, so that "nothing happened" can be seen. */
export function withoutIdle(lines: ChartSeries[]): { lines: ChartSeries[]; idle: number } {
  if (lines.length <= CROWD) return { lines, idle: 0 }
  const busy = lines.filter((line) => line.points.some((point) => point.slice(1).some((value) => value !== 0)))
  const shown = busy.length ? busy : lines.slice(0, 1)
  return { lines: shown, idle: lines.length - shown.length }
}
