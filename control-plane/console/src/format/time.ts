/** Times of the API are RFC 3339 strings or milliseconds; people see them relative, with the exact one on hover. */

export type Instant = string | number

export function toMs(instant: Instant): number {
  return typeof instant === 'number' ? instant : Date.parse(instant)
}

/** Making a formatter takes a hundred times as long as formatting: a log of thousands of lines must not make one for each. */
const clocks = new Map<string, Intl.DateTimeFormat>()
const agos = new Map<string, Intl.RelativeTimeFormat>()

function clock(locale: string, name: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${locale} ${name}`
  const known = clocks.get(key) ?? new Intl.DateTimeFormat(locale, options)
  clocks.set(key, known)
  return known
}

function ago(locale: string, options: Intl.RelativeTimeFormatOptions): Intl.RelativeTimeFormat {
  const key = `${locale} ${options.numeric}`
  const known = agos.get(key) ?? new Intl.RelativeTimeFormat(locale, options)
  agos.set(key, known)
  return known
}

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 31_536_000],
  ['month', 2_592_000],
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
]

/** `4 min. ago`, `in 2 days`; within five seconds, "now". */
export function relative(instant: Instant, now: number, locale: string): string {
  const seconds = (toMs(instant) - now) / 1000
  const format = ago(locale, { numeric: 'auto', style: 'short' })
  if (Math.abs(seconds) < 5) return format.format(0, 'second')
  for (const [unit, size] of STEPS) {
    if (Math.abs(seconds) >= size) return format.format(Math.trunc(seconds / size), unit)
  }
  return format.format(0, 'second')
}

const DAY_MS = 86_400_000

/** The same of what is planned by the day: in days up to a hundred, in months up to two years. */
export function relativeDays(instant: Instant, now: number, locale: string): string {
  const days = Math.trunc((toMs(instant) - now) / DAY_MS)
  const far = Math.abs(days)
  if (far === 0) return relative(instant, now, locale)
  const format = ago(locale, { numeric: 'always' })
  if (far <= 100) return format.format(days, 'day')
  return far < 730 ? format.format(Math.trunc(days / 30.44), 'month') : format.format(Math.trunc(days / 365.25), 'year')
}

/** Date, time with seconds and zone, as the reader's locale writes them. */
export function exact(instant: Instant, locale: string): string {
  return clock(locale, 'exact', { dateStyle: 'medium', timeStyle: 'long' }).format(toMs(instant))
}

export function clockTime(instant: Instant, locale: string): string {
  return clock(locale, 'clock', { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' }).format(toMs(instant))
}

/** The label of a chart's crosshair: the coarser the points, the fewer digits. */
export function pointTime(ms: number, stepS: number, locale: string): string {
  const options: Intl.DateTimeFormatOptions =
    stepS >= 86_400
      ? { year: 'numeric', month: 'short', day: 'numeric', timeZone: 'UTC' }
      : stepS >= 3600
        ? { month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit', hour12: false }
        : { month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false }
  return new Intl.DateTimeFormat(locale, options).format(ms)
}

/** When a day (`YYYY-MM-DD`) of the reader's begins, or the day after it; as the API writes times. */
export function dayStart(day: string, daysLater = 0): string | undefined {
  const parts = /^(\d{4})-(\d{2})-(\d{2})$/.exec(day)
  if (!parts) return undefined
  return new Date(Number(parts[1]), Number(parts[2]) - 1, Number(parts[3]) + daysLater).toISOString()
}
