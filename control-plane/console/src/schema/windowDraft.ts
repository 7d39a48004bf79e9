import type { Schemas } from '@/api/server'

/** An environment's maintenance windows as they are edited, and as the server has them. */
export type Windows = Schemas['MaintenanceWindows']
export type Day = Schemas['Weekday']

export const DAYS: readonly Day[] = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday']

export interface WeeklyDraft {
  key: number
  days: Day[]
  /** As the platform's own time input has it: `22:30`. */
  from: string
  to: string
}

export interface FreezeDraft {
  key: number
  /** In the reader's zone, as the platform's own input has it: `2026-12-20T08:00`. */
  from: string
  to: string
  reason: string
  /** The instants that it came with: what nobody touches stays as it was, to the millisecond. */
  was?: { from: string; to: string }
}

export interface WindowsDraft {
  /** Whether there are windows: without them releases begin at any time. */
  limited: boolean
  zone: string
  weekly: WeeklyDraft[]
  freezes: FreezeDraft[]
  outside: Schemas['OutsideWindows']
  anyoneMayOverride: boolean
}

/** What is wrong with a draft: by the row's key, or for all. */
export type WindowFault = 'days' | 'times' | 'freeze'

let keys = 0
export const nextKey = (): number => ++keys

export function blankWeekly(): WeeklyDraft {
  return { key: nextKey(), days: [], from: '22:00', to: '04:00' }
}

export function blankFreeze(): FreezeDraft {
  return { key: nextKey(), from: '', to: '', reason: '' }
}

/** `2026-12-20T08:00` of the reader's zone. */
export function localOf(instant: string): string {
  const at = new Date(instant)
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16)
}

export function draftOf(windows: Windows | null, zone: string): WindowsDraft {
  return {
    limited: windows !== null,
    zone: windows?.zone ?? zone,
    weekly: (windows?.weekly ?? []).map((one) => ({ key: nextKey(), days: [...one.days], from: one.from, to: one.to })),
    freezes: (windows?.freezes ?? []).map((one) => ({ key: nextKey(), from: localOf(one.from), to: localOf(one.to), reason: one.reason ?? '', was: { from: one.from, to: one.to } })),
    outside: windows?.outside ?? 'wait',
    anyoneMayOverride: windows?.anyoneMayOverride ?? false,
  }
}

/** The instant that an input stands for: the one that it came with, where it shows that still. */
function instantOf(local: string, was: string | undefined): number {
  return new Date(was !== undefined && localOf(was) === local ? was : local).getTime()
}

function spanOf({ from, to, was }: FreezeDraft): [from: number, to: number] {
  return [instantOf(from, was?.from), instantOf(to, was?.to)]
}

/** What is wrong, by the row that it is in. */
export function faultsIn(draft: WindowsDraft): Map<number, WindowFault> {
  const faults = new Map<number, WindowFault>()
  for (const one of draft.weekly) {
    if (!one.from || !one.to) faults.set(one.key, 'times')
    if (one.days.length === 0) faults.set(one.key, 'days')
  }
  for (const one of draft.freezes) {
    const [from, to] = spanOf(one)
    if (!(from < to)) faults.set(one.key, 'freeze')
  }
  return faults
}

/** As the server takes it; a draft without faults. */
export function windowsOf(draft: WindowsDraft): Windows | null {
  if (!draft.limited) return null
  return {
    zone: draft.zone,
    weekly: draft.weekly.map(({ days, from, to }) => ({ days: DAYS.filter((day) => days.includes(day)), from, to })),
    freezes: draft.freezes.map((one) => {
      const [from, to] = spanOf(one).map((at) => new Date(at).toISOString()) as [string, string]
      return { from, to, reason: one.reason.trim() }
    }),
    outside: draft.outside,
    anyoneMayOverride: draft.anyoneMayOverride,
  }
}

/** A day's short name in the reader's language. */
export function dayName(day: Day, locale: string): string {
  // The fifth of January 1970 was a Monday.
  const at = Date.UTC(1970, 0, 5 + DAYS.indexOf(day))
  return new Intl.DateTimeFormat(locale, { weekday: 'short', timeZone: 'UTC' }).format(at)
}

/** Weekly windows on one line: `Tue, Thu 22:00–04:00`. */
export function weeklyText(windows: Windows, locale: string): string[] {
  return (windows.weekly ?? []).map((one) => {
    const days = DAYS.filter((day) => one.days.includes(day)).map((day) => dayName(day, locale))
    return `${new Intl.ListFormat(locale, { style: 'narrow', type: 'unit' }).format(days)} ${one.from}–${one.to}`
  })
}

/** Time zones to choose from; what is written stays among them. */
export function zones(written: string): string[] {
  const known = typeof Intl.supportedValuesOf === 'function' ? Intl.supportedValuesOf('timeZone') : []
  return [...new Set(['UTC', written, ...known])].filter(Boolean).sort((a, b) => (a === 'UTC' ? -1 : b === 'UTC' ? 1 : a.localeCompare(b)))
}
