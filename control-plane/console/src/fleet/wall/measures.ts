/** What the wall can colour hosts by, and how a host's present values become one number of it. */
import { fullestDisk } from '@/fleet/readings'
import type { Unit } from '@/format/units'

export const MEASURES = ['cpu', 'memory', 'disk', 'load', 'network'] as const
export type MeasureKey = (typeof MEASURES)[number]

export interface Measure {
  unit: Unit
  /** Where the next colour begins. They don't move with the readings: the same colour always means the same. */
  edges: readonly number[]
  /** A full bar. */
  full: number
}

const SHARE = { unit: 'percent', edges: [20, 40, 60, 80, 90], full: 100 } as const

export const MEASURE: Record<MeasureKey, Measure> = {
  cpu: SHARE,
  memory: SHARE,
  disk: SHARE,
  load: { unit: 'count', edges: [0.25, 0.5, 0.75, 1, 2], full: 2 },
  network: { unit: 'bitsPerSecond', edges: [1e5, 1e6, 1e7, 1e8, 1e9], full: 1e9 },
}

export function isMeasure(text: string): text is MeasureKey {
  return (MEASURES as readonly string[]).includes(text)
}

/** What is asked of every host at once. */
export const WALL_SERIES = 'cpu.total,load.1,memory.used,memory.total,disk.*.used,disk.*.total,net.*.rxBytes,net.*.txBytes'

export interface Readings {
  at: number
  /** Null where the host says nothing of it. */
  values: Record<MeasureKey, number | null>
  /** The fullest file system. */
  mount: string
}

const RECEIVED = /^net\.(.+)\.rxBytes$/

/** Bit/s in both directions of the busiest interface: bridges and bonds would count the same bytes again. */
function busiest(values: Record<string, number>): number | null {
  let most: number | null = null
  for (const name in values) {
    const match = RECEIVED.exec(name)
    if (!match) continue
    const bits = ((values[name] ?? 0) + (values[`net.${match[1]}.txBytes`] ?? 0)) * 8
    if (most === null || bits > most) most = bits
  }
  return most
}

/** `cpus` is 0 where they are not known. */
export function readingsOf(at: number, values: Record<string, number>, cpus: number): Readings {
  const disk = fullestDisk({ at: '', values } as Parameters<typeof fullestDisk>[0])
  const load = values['load.1']
  const used = values['memory.used']
  const total = values['memory.total']
  return {
    at,
    values: {
      cpu: values['cpu.total'] ?? null,
      memory: used === undefined || !total ? null : (used / total) * 100,
      disk: disk ? disk.ratio * 100 : null,
      load: load === undefined || !cpus ? null : load / cpus,
      network: busiest(values),
    },
    mount: disk?.mount ?? '',
  }
}

/** Which colour: 0 is the palest. */
export function binOf(value: number, edges: readonly number[]): number {
  let bin = 0
  while (bin < edges.length && value >= (edges[bin] as number)) bin += 1
  return bin
}
