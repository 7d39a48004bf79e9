import type { Schemas } from '@/api/server'

export type LogLine = Schemas['ContainerLogLine']
export type LogEnd = Schemas['ContainerLogEnd']

/** A line with its id: its time in nanoseconds, which is more than a number holds. */
export interface KeptLine extends LogLine {
  id: string
  key: number
}

export interface LogQuery {
  follow: boolean
  /** Minutes back; 0: from the beginning. */
  minutes: number
  search: string
}

/** Older lines than this many leave the screen. */
export const KEPT = 5_000

/** The address of a log, from after the line with this id if some were read before. */
export function logPath(host: string, name: string, query: LogQuery, now: number, after = ''): string {
  const params = new URLSearchParams({ tail: after ? '10000' : '500' })
  if (query.follow) params.set('follow', 'true')
  if (after) params.set('after', after)
  else if (query.minutes > 0) params.set('since', new Date(now - query.minutes * 60_000).toISOString())
  if (query.search) params.set('search', query.search)
  return `/hosts/${host}/containers/${encodeURIComponent(name)}/log?${params.toString()}`
}

/** The last lines of those that are there and those that come. */
export function withLines(lines: readonly KeptLine[], more: readonly KeptLine[]): KeptLine[] {
  const all = [...lines, ...more]
  return all.length > KEPT ? all.slice(-KEPT) : all
}

/** As a person takes them elsewhere. */
export function asText(lines: readonly LogLine[]): string {
  return lines.map((line) => `${line.at} ${line.text}`).join('\n')
}

/** A line in parts, every second of which is what was searched for. */
export function highlighted(text: string, search: string): string[] {
  if (!search) return [text]
  const parts: string[] = []
  const [low, wanted] = [text.toLowerCase(), search.toLowerCase()]
  // Some letters change their length with their case: then nothing is marked rather than the wrong place.
  if (low.length !== text.length || !wanted) return [text]
  let from = 0
  for (let at = low.indexOf(wanted); at >= 0; at = low.indexOf(wanted, from)) {
    parts.push(text.slice(from, at), text.slice(at, at + wanted.length))
    from = at + wanted.length
  }
  return [...parts, text.slice(from)]
}
