/** Hosts as tiles, in groups, in order. Pure. */
import type { HostStatus } from '@/fleet/useHosts'
import { MEASURE, binOf, type MeasureKey, type Readings } from './measures'

export interface WallHost {
  id: string
  name: string
  status: HostStatus
  clusterId: string
  environment: string
  labels: Record<string, string>
  cpus: number
}

export interface Tile {
  host: WallHost
  readings: Readings | null
  /** Null where there is no reading, or none that counts: what an offline host said last is none. */
  value: number | null
  /** Which colour; -1 without a value. */
  bin: number
}

export function tileOf(host: WallHost, readings: Readings | null, measure: MeasureKey): Tile {
  const value = host.status === 'offline' ? null : (readings?.values[measure] ?? null)
  return { host, readings, value, bin: value === null ? -1 : binOf(value, MEASURE[measure].edges) }
}

/** `none`, `cluster`, `environment`, or a label's key behind `label:`. */
export type GroupBy = string

export interface TileGroup {
  /** The cluster's id, the environment's name, the label's value. */
  key: string
  /** Of the value `key`, those that have none, or what did not get a group of its own. */
  kind: 'value' | 'without' | 'rest'
  tiles: Tile[]
  worst: number | null
  mean: number | null
  offline: number
  degraded: number
}

/** So many groups have a place of their own; a label that is different on each host makes no wall. */
export const MOST_GROUPS = 120

export type Order = 'name' | 'worst'

function keyOf(host: WallHost, by: GroupBy): string {
  if (by === 'cluster') return host.clusterId
  if (by === 'environment') return host.environment
  return by.startsWith('label:') ? (host.labels[by.slice(6)] ?? '') : ''
}

function summed(key: string, kind: TileGroup['kind'], tiles: Tile[]): TileGroup {
  let worst: number | null = null
  let sum = 0
  let known = 0
  let offline = 0
  let degraded = 0
  for (const { host, value } of tiles) {
    if (host.status === 'offline') offline += 1
    if (host.status === 'degraded') degraded += 1
    if (value === null) continue
    known += 1
    sum += value
    if (worst === null || value > worst) worst = value
  }
  return { key, kind, tiles, worst, mean: known ? sum / known : null, offline, degraded }
}

const collator = new Intl.Collator('en', { numeric: true })

/** Worst first: what is offline, then by value, then those that say nothing; the same stand by name. */
function worstFirst(a: Tile, b: Tile): number {
  const off = Number(b.host.status === 'offline') - Number(a.host.status === 'offline')
  return off || (b.value ?? -1) - (a.value ?? -1) || collator.compare(a.host.name, b.host.name)
}

/**
 * The groups, each with its tiles in order. `named` is what a key is called and sorted by; `first` lists keys that have
 * an order of their own.
 */
export function grouped(tiles: readonly Tile[], by: GroupBy, order: Order, named: (key: string) => string = (key) => key, first: readonly string[] = []): TileGroup[] {
  const sorted = [...tiles].sort(order === 'worst' ? worstFirst : (a, b) => collator.compare(a.host.name, b.host.name))
  const found = new Map<string, Tile[]>()
  for (const tile of sorted) {
    const key = keyOf(tile.host, by)
    const group = found.get(key)
    if (group) group.push(tile)
    else found.set(key, [tile])
  }
  if (by === 'none') return sorted.length ? [summed('', 'value', sorted)] : []
  const without = found.get('')
  found.delete('')
  const keys = [...found.keys()]
  let rest: Tile[] = []
  if (keys.length > MOST_GROUPS) {
    keys.sort((a, b) => (found.get(b)?.length ?? 0) - (found.get(a)?.length ?? 0) || collator.compare(a, b))
    const left = new Set(keys.splice(MOST_GROUPS))
    rest = sorted.filter((tile) => left.has(keyOf(tile.host, by)))
  }
  const place = (key: string) => (first.includes(key) ? first.indexOf(key) : first.length)
  const groups = keys.map((key) => summed(key, 'value', found.get(key) ?? []))
  groups.sort((a, b) => place(a.key) - place(b.key) || collator.compare(named(a.key), named(b.key)))
  if (order === 'worst') groups.sort((a, b) => (b.worst ?? -1) - (a.worst ?? -1))
  if (rest.length) groups.push(summed('', 'rest', rest))
  if (without) groups.push(summed('', 'without', without))
  return groups
}

/** Label keys that hosts have, those of the most hosts first. */
export function labelKeys(hosts: readonly WallHost[]): string[] {
  const counts = new Map<string, number>()
  for (const host of hosts) for (const key in host.labels) counts.set(key, (counts.get(key) ?? 0) + 1)
  return [...counts].sort((a, b) => b[1] - a[1] || collator.compare(a[0], b[0])).map(([key]) => key)
}

/** The greatest values; hosts that say nothing are not among them. */
export function topOf(tiles: readonly Tile[], count: number): Tile[] {
  return tiles
    .filter((tile) => tile.value !== null)
    .sort((a, b) => (b.value ?? 0) - (a.value ?? 0) || collator.compare(a.host.name, b.host.name))
    .slice(0, count)
}

/** How many have each colour, and how many stand apart. */
export function tally(tiles: readonly Tile[], colours: number): { bins: number[]; offline: number; degraded: number; silent: number } {
  const bins = new Array<number>(colours).fill(0)
  const seen = { bins, offline: 0, degraded: 0, silent: 0 }
  for (const { host, bin } of tiles) {
    if (host.status === 'offline') seen.offline += 1
    else if (bin < 0) seen.silent += 1
    else bins[bin] = (bins[bin] ?? 0) + 1
    if (host.status === 'degraded') seen.degraded += 1
  }
  return seen
}
