import type { Unit } from '@/format/units'
import type { Tone } from '@/ui/StatusDot.vue'
import type { Alert, SeriesInfo } from './useAlerts'
import { splitSeries } from './alertForms'

/** How an alert stands, in the console's colours and words. */

export function severityTone(severity: Alert['severity']): Tone {
  return severity === 'critical' ? 'bad' : severity === 'warning' ? 'warn' : 'idle'
}

export type Standing = 'pending' | 'firing' | 'acknowledged' | 'clearing' | 'noData' | 'silenced' | 'inhibited' | 'resolved'

/** What is to be said of it first. */
export function standing(alert: Alert): Standing {
  if (alert.state === 'resolved') return 'resolved'
  if (alert.inhibited) return 'inhibited'
  if (alert.silencedBy) return 'silenced'
  if (alert.noDataSince) return 'noData'
  if (alert.clearingSince) return 'clearing'
  if (alert.acknowledgedAt) return 'acknowledged'
  return alert.state
}

export function standingTone(alert: Alert): Tone {
  const tones: Record<Standing, Tone> = { pending: 'warn', firing: 'bad', acknowledged: 'busy', clearing: 'busy', noData: 'warn', silenced: 'idle', inhibited: 'idle', resolved: 'ok' }
  return tones[standing(alert)]
}

const UNITS: Record<string, Unit> = { percent: 'percent', bytes: 'bytes', bytesPerSecond: 'bytesPerSecond', perSecond: 'perSecond' }

/** The unit of a series, by the catalogue. */
export function unitOf(series: string, catalogue: readonly SeriesInfo[]): Unit {
  const { series: pattern } = splitSeries(series, catalogue.map((one) => one.name))
  const unit = catalogue.find((one) => one.name === pattern || one.name === series)?.unit
  return UNITS[unit ?? ''] ?? 'count'
}
