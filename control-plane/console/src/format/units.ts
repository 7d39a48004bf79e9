/** Readings for humans: binary prefixes for memory and disks, decimal ones for the network. */

const BINARY = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']
const DECIMAL = ['', 'k', 'M', 'G', 'T', 'P']

/** Three significant digits, no trailing zeros, grouped. */
export function digits(value: number, locale = 'en'): string {
  const size = Math.abs(value)
  const places = size >= 100 ? 0 : size >= 10 ? 1 : 2
  return value.toLocaleString(locale, { maximumFractionDigits: places })
}

function scale(value: number, base: number, steps: string[]): [number, string] {
  let index = 0
  let rest = value
  while (Math.abs(rest) >= base && index < steps.length - 1) {
    rest /= base
    index += 1
  }
  return [rest, steps[index] ?? '']
}

export function bytes(value: number, locale?: string): string {
  const [number, unit] = scale(value, 1024, BINARY)
  return `${digits(number, locale)} ${unit}`
}

export function bitsPerSecond(value: number, locale?: string): string {
  const [number, prefix] = scale(value, 1000, DECIMAL)
  return `${digits(number, locale)} ${prefix}bit/s`
}

export function percent(value: number, locale?: string): string {
  // Beside each other in a table they have the same digits; what is near nothing is still told from nothing.
  return `${new Intl.NumberFormat(locale, { maximumFractionDigits: Math.abs(value) < 1 ? 2 : 1 }).format(value)} %`
}

export function count(value: number, locale?: string): string {
  const [number, prefix] = scale(value, 1000, DECIMAL)
  return `${digits(number, locale)}${prefix ? ` ${prefix}` : ''}`
}

/** `850 ms`, `12.3 s`, `4 min 10 s`, `2 h 5 min`. */
export function duration(ms: number, locale?: string): string {
  if (ms < 1000) return `${Math.round(ms)} ms`
  const seconds = ms / 1000
  if (seconds < 60) return `${digits(seconds, locale)} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) {
    const rest = Math.round(seconds - minutes * 60)
    return rest ? `${minutes} min ${rest} s` : `${minutes} min`
  }
  const hours = Math.floor(minutes / 60)
  return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`
}

/** Days and hours, for uptimes. */
export function uptime(ms: number): string {
  const minutes = Math.max(0, Math.floor(ms / 60_000))
  const days = Math.floor(minutes / 1440)
  const hours = Math.floor((minutes % 1440) / 60)
  if (days) return `${days} d ${hours} h`
  return hours ? `${hours} h ${minutes % 60} min` : `${minutes} min`
}

/** The units in which the console draws; several of the server's names may mean one of them. */
export type Unit = 'percent' | 'bytes' | 'bytesPerSecond' | 'bitsPerSecond' | 'perSecond' | 'count' | 'milliseconds'

export function formatUnit(value: number, unit: Unit, locale?: string): string {
  switch (unit) {
    case 'percent':
      return percent(value, locale)
    case 'bytes':
      return bytes(value, locale)
    case 'bytesPerSecond':
      return `${bytes(value, locale)}/s`
    case 'bitsPerSecond':
      return bitsPerSecond(value, locale)
    case 'perSecond':
      return `${count(value, locale)}/s`
    case 'milliseconds':
      return duration(value, locale)
    case 'count':
      return count(value, locale)
  }
}
