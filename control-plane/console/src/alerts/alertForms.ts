import type { Schemas } from '@/api/server'
import { pairs, pairsText } from '@/delivery/containerText'
import type { FieldDescription, FormDescription } from '@/forms/description'
import type { AlertReceiver, AlertRule } from './useAlerts'

/** The forms about alerts, and what they hold as the API takes it. */

export const SEVERITIES = ['critical', 'warning', 'info'] as const
export const KINDS = ['threshold', 'hostDown', 'diskFull', 'containerRestarting', 'certificateExpiring'] as const
export const COMPARISONS = ['above', 'atLeast', 'below', 'atMost', 'equal', 'notEqual'] as const
export const RECEIVER_KINDS = ['mail', 'webhook', 'slack', 'dingtalk', 'feishu', 'wecom'] as const
/** Seconds. */
export const SILENCE_LENGTHS = [3600, 4 * 3600, 24 * 3600, 7 * 24 * 3600] as const

const PAIRS = /^(?:\s*[^\s=]+=[^\n]*(?:\n|$)|\s*(?:\n|$))*$/
const MINUTES: FieldDescription['rules'] = [['required'], ['matches', /^\d{1,5}(?:\.\d+)?$/]]
const NUMBER: FieldDescription['rules'] = [['required'], ['matches', /^-?\d+(?:\.\d+)?$/]]

export interface RuleForm {
  name: string
  enabled: string
  severity: string
  kind: string
  series: string
  instance: string
  comparison: string
  threshold: string
  hours: string
  times: string
  minutes: string
  containers: string
  hosts: string[]
  labels: string
  environment: string
  forMin: string
  resolveMin: string
  repeatMin: string
  inbox: string
  receivers: string[]
  escalateMin: string
  escalateTo: string[]
  note: string
}

/** What belongs to a kind of rule is asked for with that kind only. */
export function ruleFields(kind: string, series: string): FormDescription {
  const threshold = kind === 'threshold'
  const restarting = kind === 'containerRestarting'
  const all: (FieldDescription | false)[] = [
    { name: 'name', input: 'text', label: 'alerts.name', rules: [['required'], ['length', 1, 128]] },
    { name: 'severity', input: 'select', label: 'alerts.severity' },
    { name: 'kind', input: 'select', label: 'alerts.kind' },
    threshold && { name: 'series', input: 'select', label: 'alerts.series' },
    threshold && series.includes('*') && { name: 'instance', input: 'text', label: 'alerts.instance', hint: 'alerts.instanceHint', rules: [['required']], mono: true },
    threshold && { name: 'comparison', input: 'select', label: 'alerts.comparison' },
    threshold && { name: 'threshold', input: 'text', label: 'alerts.threshold', hint: 'alerts.thresholdHint', rules: NUMBER, wrong: 'forms.number' },
    restarting && { name: 'times', input: 'text', label: 'alerts.times', rules: [['required'], ['matches', /^\d{1,3}$/]], wrong: 'forms.number', digits: true },
    restarting && { name: 'minutes', input: 'text', label: 'alerts.minutes', rules: [['required'], ['matches', /^\d{1,4}$/]], wrong: 'forms.number', digits: true },
    (restarting || (threshold && series.startsWith('container.'))) && { name: 'containers', input: 'text', label: 'alerts.containers', hint: 'alerts.containersHint', mono: true },
    (kind === 'diskFull' || kind === 'certificateExpiring') && { name: 'hours', input: 'text', label: 'alerts.hours', hint: kind === 'diskFull' ? 'alerts.hoursHint' : 'alerts.certificateHint', rules: [['required'], ['matches', /^\d{1,3}$/]], wrong: 'forms.number', digits: true },
    { name: 'forMin', input: 'text', label: 'alerts.for', hint: 'alerts.forHint', rules: MINUTES, wrong: 'forms.number' },
    { name: 'resolveMin', input: 'text', label: 'alerts.resolve', hint: 'alerts.resolveHint', rules: MINUTES, wrong: 'forms.number' },
    { name: 'repeatMin', input: 'text', label: 'alerts.repeat', hint: 'alerts.repeatHint', rules: MINUTES, wrong: 'forms.number' },
    { name: 'escalateMin', input: 'text', label: 'alerts.escalate', hint: 'alerts.escalateHint', rules: MINUTES, wrong: 'forms.number' },
    { name: 'enabled', input: 'select', label: 'alerts.enabled' },
    { name: 'inbox', input: 'select', label: 'alerts.inbox' },
    { name: 'environment', input: 'select', label: 'hosts.environment' },
    { name: 'labels', input: 'textarea', label: 'alerts.labels', hint: 'alerts.labelsHint', rules: [['matches', PAIRS]], wrong: 'container.pairsWrong', mono: true, rows: 2 },
    { name: 'hosts', input: 'pick', label: 'alerts.hosts', hint: 'alerts.hostsHint' },
    { name: 'receivers', input: 'pick', label: 'alerts.receivers' },
    { name: 'escalateTo', input: 'pick', label: 'alerts.escalateTo' },
    { name: 'note', input: 'text', label: 'alerts.note', hint: 'alerts.noteHint', rules: [['length', 0, 240]], wide: true },
  ]
  return all.filter((field): field is FieldDescription => field !== false)
}

const minutes = (seconds: number) => String(Math.round((seconds / 60) * 100) / 100)
const seconds = (text: string) => Math.round(Number(text) * 60)

export const NEW_RULE: RuleForm = {
  name: '',
  enabled: 'yes',
  severity: 'warning',
  kind: 'threshold',
  series: 'cpu.total',
  instance: '*',
  comparison: 'above',
  threshold: '90',
  hours: '24',
  times: '3',
  minutes: '15',
  containers: '',
  hosts: [],
  labels: '',
  environment: '',
  forMin: '5',
  resolveMin: '2',
  repeatMin: '240',
  inbox: 'yes',
  receivers: [],
  escalateMin: '0',
  escalateTo: [],
  note: '',
}

/** `disk./var.used` is the pattern `disk.*.used` and the instance `/var`. */
export function splitSeries(name: string, patterns: readonly string[]): { series: string; instance: string } {
  for (const pattern of patterns) {
    const [before, after] = pattern.split('*')
    if (after === undefined || before === undefined) continue
    if (name.startsWith(before) && name.endsWith(after) && name.length > pattern.length - 1) return { series: pattern, instance: name.slice(before.length, name.length - after.length) }
  }
  return { series: name, instance: '*' }
}

export function ruleToForm(rule: AlertRule, patterns: readonly string[]): RuleForm {
  const { check, hosts } = rule
  return {
    ...NEW_RULE,
    name: rule.name,
    enabled: rule.enabled === false ? 'no' : 'yes',
    severity: rule.severity ?? 'warning',
    kind: check.kind,
    ...(check.kind === 'threshold' ? { ...splitSeries(check.series, patterns), comparison: check.comparison, threshold: String(check.threshold) } : {}),
    ...(check.kind === 'diskFull' || check.kind === 'certificateExpiring' ? { hours: String(check.hours) } : {}),
    ...(check.kind === 'containerRestarting' ? { times: String(check.times), minutes: String(check.minutes) } : {}),
    containers: (rule.containers ?? []).join(', '),
    hosts: [...(hosts?.ids ?? [])],
    labels: pairsText(hosts?.labels),
    environment: hosts?.environment ?? '',
    forMin: minutes(rule.forS ?? 60),
    resolveMin: minutes(rule.resolveAfterS ?? 120),
    repeatMin: minutes(rule.repeatS ?? 14_400),
    inbox: rule.inbox === false ? 'no' : 'yes',
    receivers: [...(rule.receivers ?? [])],
    escalateMin: minutes(rule.escalateAfterS ?? 0),
    escalateTo: [...(rule.escalateTo ?? [])],
    note: rule.note ?? '',
  }
}

export function ruleFromForm(form: RuleForm, before?: AlertRule): Schemas['AlertRuleInput'] {
  const ofContainers = form.kind === 'containerRestarting' || (form.kind === 'threshold' && form.series.startsWith('container.'))
  const containers = ofContainers ? form.containers.split(/[\s,]+/).filter(Boolean) : []
  return {
    name: form.name.trim(),
    enabled: form.enabled === 'yes',
    severity: form.severity as AlertRule['severity'],
    check: checkOf(form),
    hosts: { ids: form.hosts, labels: pairs(form.labels), environment: form.environment || null, clusterId: before?.hosts?.clusterId ?? null },
    containers,
    forS: seconds(form.forMin),
    resolveAfterS: seconds(form.resolveMin),
    repeatS: seconds(form.repeatMin),
    inbox: form.inbox === 'yes',
    receivers: form.receivers,
    escalateAfterS: seconds(form.escalateMin),
    escalateTo: form.escalateTo,
    note: form.note.trim(),
  }
}

function checkOf(form: RuleForm): Schemas['AlertCheck'] {
  if (form.kind === 'hostDown') return { kind: 'hostDown' }
  if (form.kind === 'containerRestarting') return { kind: 'containerRestarting', times: Number(form.times), minutes: Number(form.minutes) }
  if (form.kind === 'certificateExpiring') return { kind: 'certificateExpiring', hours: Number(form.hours) }
  if (form.kind === 'diskFull') return { kind: 'diskFull', hours: Number(form.hours) }
  const series = form.series.replace('*', form.instance?.trim() || '*')
  return { kind: 'threshold', series, comparison: form.comparison as (typeof COMPARISONS)[number], threshold: Number(form.threshold) }
}

/** What somebody says who sees to an alert. */
export const ACKNOWLEDGEMENT: FormDescription = [{ name: 'note', input: 'text', label: 'alerts.acknowledgement', hint: 'alerts.acknowledgementHint', rules: [['length', 0, 500]], wide: true }]

export interface SilenceForm {
  hosts: string[]
  rules: string[]
  severities: string[]
  /** A time of the reader's, as their browser writes it; empty for now. */
  starts?: string
  length: string
  reason: string
  /** `once` if it is not there. */
  repeats?: string
  days?: string[]
  /** Times of a clock on the wall in `zone`: `22:30`. */
  fromTime?: string
  toTime?: string
  zone?: string
  /** A day of the reader's: `2026-12-20`. */
  until?: string
}

export const SILENCE_REPEATS = ['once', 'weekly'] as const

export const SILENCE: FormDescription = [
  { name: 'reason', input: 'text', label: 'alerts.reason', rules: [['required'], ['length', 1, 500]] },
  { name: 'starts', input: 'moment', label: 'alerts.starts', hint: 'alerts.startsHint' },
  { name: 'length', input: 'select', label: 'alerts.length' },
  { name: 'severities', input: 'checks', label: 'alerts.severity', hint: 'alerts.allHint' },
  { name: 'hosts', input: 'pick', label: 'alerts.hosts', hint: 'alerts.hostsHint' },
  { name: 'rules', input: 'pick', label: 'alerts.rules', hint: 'alerts.allHint' },
]

const TIME: FieldDescription['rules'] = [['required'], ['matches', /^(?:[01]\d|2[0-3]):[0-5]\d$/]]

/** With what one that comes again asks for. */
export function silenceFields(repeats: string): FormDescription {
  const [reason, starts, length, ...which] = SILENCE as [FieldDescription, FieldDescription, FieldDescription, ...FieldDescription[]]
  const again: FieldDescription = { name: 'repeats', input: 'select', label: 'silences.repeats' }
  if (repeats !== 'weekly') return [reason, again, starts, length, ...which]
  return [
    reason,
    again,
    { name: 'days', input: 'checks', label: 'silences.days', rules: [['required']] },
    { name: 'fromTime', input: 'text', label: 'silences.fromTime', rules: TIME, wrong: 'silences.timeWrong' },
    { name: 'toTime', input: 'text', label: 'silences.toTime', hint: 'silences.toTimeHint', rules: TIME, wrong: 'silences.timeWrong' },
    { name: 'zone', input: 'select', label: 'windows.zone' },
    { name: 'until', input: 'date', label: 'silences.until', hint: 'silences.untilHint', rules: [['required']] },
    ...which,
  ]
}

const YEAR_MS = 365 * 86_400_000

/** When it begins and ends. What can't be is said under the field: its words are a key of `alerts`. */
function span(form: SilenceForm, now: number): { startsAt: number | undefined; endsAt: number; wrong?: 'startsPast' | 'startsLate' } {
  if (form.repeats === 'weekly') return { startsAt: undefined, endsAt: endOfDay(form.until ?? '') }
  const startsAt = form.starts ? new Date(form.starts).getTime() : undefined
  const endsAt = (startsAt ?? now) + Number(form.length) * 1000
  const wrong = endsAt <= now ? 'startsPast' : endsAt > now + YEAR_MS ? 'startsLate' : undefined
  return { startsAt, endsAt, wrong }
}

/** The midnight after a day of the reader's. */
function endOfDay(day: string): number {
  const end = new Date(`${day}T00:00`)
  end.setDate(end.getDate() + 1)
  return end.getTime()
}

export function silenceFault(form: SilenceForm, now: number): 'startsPast' | 'startsLate' | undefined {
  return span(form, now).wrong
}

/** Whether the day after which one that comes again ends is over. */
export function silenceIsOver(form: SilenceForm, now: number): boolean {
  return form.repeats === 'weekly' && !(span(form, now).endsAt > now)
}

export function silenceFromForm(form: SilenceForm, now: number): Schemas['NewAlertSilence'] {
  const { startsAt, endsAt } = span(form, now)
  const weekly = { days: (form.days ?? []) as Schemas['Weekday'][], from: form.fromTime ?? '', to: form.toTime ?? '' }
  return {
    matchers: { rules: form.rules, hosts: { ids: form.hosts }, severities: form.severities as NonNullable<AlertRule['severity']>[] },
    ...(startsAt === undefined ? {} : { startsAt: new Date(startsAt).toISOString() }),
    endsAt: new Date(endsAt).toISOString(),
    ...(form.repeats === 'weekly' ? { repeats: { zone: form.zone ?? 'UTC', weekly: [weekly] } } : {}),
    reason: form.reason.trim(),
  }
}

export interface ReceiverForm {
  name: string
  kind: string
  language: string
  enabled: string
  addresses: string
  url: string
  key: string
  message: string
}

/** Those whose calls can be signed. */
const SIGNED = ['webhook', 'dingtalk', 'feishu']

/** An address that is kept need not be given again. */
export function receiverFields(kind: string, kept: boolean): FormDescription {
  const mail = kind === 'mail'
  const hint = kept ? 'alerts.keepHint' : 'alerts.urlHint'
  const all: (FieldDescription | false)[] = [
    { name: 'name', input: 'text', label: 'alerts.name', rules: [['required'], ['length', 1, 128]] },
    { name: 'kind', input: 'select', label: 'alerts.receiverKind' },
    mail && { name: 'addresses', input: 'textarea', label: 'alerts.addresses', hint: 'alerts.addressesHint', rules: [['required']], rows: 2 },
    !mail && { name: 'url', input: 'password', label: 'alerts.url', hint, rules: kept ? [] : [['required'], ['matches', /^https?:\/\/\S+$/]], wrong: 'registry.urlWrong', autocomplete: 'off' },
    SIGNED.includes(kind) && { name: 'key', input: 'password', label: 'alerts.key', hint: `alerts.keyHints.${kind}`, autocomplete: 'off' },
    { name: 'language', input: 'select', label: 'settings.language' },
    { name: 'message', input: 'textarea', label: 'alerts.message', hint: 'alerts.messageHint', rules: [['length', 0, 1500]], rows: 3 },
    { name: 'enabled', input: 'select', label: 'alerts.enabled' },
  ]
  return all.filter((field): field is FieldDescription => field !== false)
}

export function receiverToForm(one?: AlertReceiver): ReceiverForm {
  return {
    name: one?.name ?? '',
    kind: one?.kind ?? 'mail',
    language: one?.language ?? 'en',
    enabled: one && !one.enabled ? 'no' : 'yes',
    addresses: (one?.addresses ?? []).join('\n'),
    url: '',
    key: '',
    message: one?.message ?? '',
  }
}

export function receiverFromForm(form: ReceiverForm): Schemas['AlertReceiverInput'] {
  const shared = { name: form.name.trim(), kind: form.kind as AlertReceiver['kind'], language: form.language as AlertReceiver['language'], enabled: form.enabled === 'yes', message: form.message.trim() || null }
  if (form.kind === 'mail') return { ...shared, addresses: form.addresses.split(/[\s,;]+/).filter(Boolean) }
  const key = SIGNED.includes(form.kind) && form.key ? { key: form.key } : {}
  return { ...shared, ...(form.url?.trim() ? { url: form.url.trim() } : {}), ...key }
}
