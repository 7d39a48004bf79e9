/** The ranges of a page of charts and what they ask of the query. */

export const RANGES = ['live', '1h', '24h', '7d', '90d'] as const
export type RangeKey = (typeof RANGES)[number]

const LENGTH_MS: Record<RangeKey, number> = {
  live: 10 * 60_000,
  '1h': 3_600_000,
  '24h': 86_400_000,
  '7d': 7 * 86_400_000,
  '90d': 90 * 86_400_000,
}

/** How often a range is asked for again; a long one changes slowly. */
export const REFRESH_MS: Record<RangeKey, number> = {
  live: 10_000,
  '1h': 15_000,
  '24h': 60_000,
  '7d': 300_000,
  '90d': 600_000,
}

export interface TimeWindow {
  from: number
  to: number
}

export function isRange(value: string): value is RangeKey {
  return (RANGES as readonly string[]).includes(value)
}

export function windowOf(range: RangeKey, now: number): TimeWindow {
  return { from: now - LENGTH_MS[range], to: now }
}

/** `1764000000000-1764003600000` in the address ⇄ a window that was dragged out. */
export function parseZoom(text: string): TimeWindow | null {
  const match = /^(\d{12,14})-(\d{12,14})$/.exec(text)
  if (!match) return null
  const from = Number(match[1])
  const to = Number(match[2])
  return to - from >= 10_000 ? { from, to } : null
}

export function formatZoom(window: TimeWindow): string {
  return `${Math.round(window.from)}-${Math.round(window.to)}`
}

/** A step that gives about as many points as a chart has room for. */
export function stepFor(window: TimeWindow, points = 360): number {
  const raw = (window.to - window.from) / 1000 / points
  const steps = [10, 20, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400]
  return steps.find((step) => step >= raw) ?? 86_400
}
