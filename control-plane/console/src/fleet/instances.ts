/** Instances: lists of them as people bring them, faults in such lists, when an instance ends, and what people write of one. */
import { changed, type FormDescription } from '@/forms/description'
import type { FieldError } from '@/api/problem'
import type { Schemas } from '@/api/server'
import { toMs, type Instant } from '@/format/time'

/** As lists name them, in JSON and in the first line of a CSV. */
export const INSTANCE_FIELDS = [
  'provider',
  'instanceId',
  'instanceName',
  'regionId',
  'regionName',
  'zoneId',
  'instanceType',
  'hostname',
  'innerIp',
  'publicIp',
  'imageId',
  'cpu',
  'memory',
  'osName',
  'osType',
  'status',
  'isAvailable',
  'chargeType',
  'createTime',
  'expiredTime',
] as const

const plain = (name: string) => name.replaceAll('_', '').toLowerCase()
const CANONICAL = new Map(INSTANCE_FIELDS.map((name) => [plain(name), name]))

/** The most that the server takes at once. */
export const MOST_BYTES = 8 * 1024 * 1024

export type ReadList = { list: Schemas['InstanceImport'] } | { faults: FieldError[] }

/** A list that was pasted or chosen: JSON if it begins like it, else CSV. What is wrong before it is sent is said at once. */
export function readList(text: string): ReadList {
  const begins = text.replace(/^\uFEFF/, '').trimStart()
  if (!/^[[{]/.test(begins)) return { list: { csv: text } }
  let read: unknown
  try {
    read = JSON.parse(begins)
  } catch (error) {
    return { faults: [fault('', 'json', { line: String(lineOf(text, text.length - begins.length, error)) })] }
  }
  const entries = Array.isArray(read) ? (read as unknown[]) : (read as { instances?: unknown }).instances
  if (!Array.isArray(entries)) return { faults: [fault('', 'json-list')] }
  const faults: FieldError[] = []
  const instances = entries.map((entry: unknown, i) => readEntry(entry, `instances[${i}]`, faults))
  return faults.length ? { faults } : { list: { instances: instances as unknown as Schemas['InstanceRecord'][] } }
}

/** Names may have underscores, as in a CSV. */
function readEntry(entry: unknown, place: string, faults: FieldError[]): Record<string, unknown> {
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) {
    faults.push(fault(place, 'json-entry'))
    return {}
  }
  const record: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(entry)) {
    const known = CANONICAL.get(plain(name))
    if (known) record[known] = value
    else faults.push(fault(`${place}.${name}`, 'csv-strange', { name, known: INSTANCE_FIELDS.join(', ') }))
  }
  for (const name of ['provider', 'instanceId']) if (record[name] === undefined) faults.push(fault(`${place}.${name}`, 'needed'))
  return record
}

function fault(field: string, code: string, params: Record<string, string> = {}): FieldError {
  return { field, code, params, message: code }
}

/** Where the browser could not go on; the last line if it doesn't say. */
function lineOf(text: string, before: number, error: unknown): number {
  const [, position] = /position (\d+)/.exec(String(error)) ?? []
  const end = position === undefined ? text.length : before + Number(position)
  return text.slice(0, end).split('\n').length
}

/** Where a fault is: the line of a CSV or the entry of a list, both from 1 (0: neither), and the field as lists name it. */
export interface InstanceFault {
  line: number
  entry: number
  field: string
  error: FieldError
}

export function faultsOf(errors: readonly FieldError[]): InstanceFault[] {
  return errors.map((error) => {
    const [, line, ofLine] = /^line (\d+): (.*)$/.exec(error.field) ?? []
    const [, entry, ofEntry] = /^instances\[(\d+)\]\.?(.*)$/.exec(error.field) ?? []
    const name = ofLine ?? ofEntry ?? ''
    const said = Number(line ?? error.params?.line ?? 0)
    return { line: said, entry: entry === undefined ? 0 : Number(entry) + 1, field: CANONICAL.get(plain(name)) ?? name, error: { ...error, field: '' } }
  })
}

/** What the list can be narrowed to. `over`: those that have ended; else days, those that have ended included. */
export const ENDS = ['over', '7', '30', '90'] as const

export function endsBefore(ends: string, now: number): string | undefined {
  if (!ENDS.some((one) => one === ends)) return undefined
  const days = ends === 'over' ? 0 : Number(ends)
  return new Date(now + days * 86_400_000).toISOString()
}

/** Within a month an end is worth a look. */
const SOON_DAYS = 30

export function endStanding(at: Instant | null | undefined, now: number): 'none' | 'over' | 'soon' | 'later' {
  if (at == null) return 'none'
  const left = toMs(at) - now
  if (left <= 0) return 'over'
  return left <= SOON_DAYS * 86_400_000 ? 'soon' : 'later'
}

/** A region by its name, with the id where that says more. */
export function regionText(one: { regionId?: string; regionName?: string }): string {
  if (!one.regionName || one.regionName === one.regionId) return one.regionId ?? ''
  return one.regionId ? `${one.regionName} (${one.regionId})` : one.regionName
}

export const regionKey = (one: { regionId?: string; regionName?: string }) => one.regionId || one.regionName || ''

export interface InstanceForm {
  instanceName: string
  chargeType: string
  /** A time of the reader's, as their browser writes it. */
  expiredTime: string
}

export const INSTANCE_FORM: FormDescription = [
  { name: 'instanceName', input: 'text', label: 'clouds.name', rules: [['length', 0, 128]] },
  { name: 'chargeType', input: 'text', label: 'instances.fields.chargeType', rules: [['length', 0, 128]] },
  { name: 'expiredTime', input: 'moment', label: 'instances.fields.expiredTime', hint: 'clouds.endsHint' },
]

/** `2026-12-20T08:00` of the reader's zone. */
function localOf(at: Instant): string {
  const date = new Date(toMs(at))
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16)
}

export function instanceToForm(one: { instanceName?: string; chargeType?: string; expiredTime?: string | null }): InstanceForm {
  return { instanceName: one.instanceName ?? '', chargeType: one.chargeType ?? '', expiredTime: one.expiredTime ? localOf(one.expiredTime) : '' }
}

/** Only what differs: what nobody touched is not written by hand. Empty takes away what was. */
export function instancePatch(form: InstanceForm, before: InstanceForm): Schemas['InstancePatch'] {
  const { instanceName, chargeType, expiredTime } = changed(form, before)
  return {
    ...(instanceName === undefined ? {} : { instanceName: instanceName.trim() || null }),
    ...(chargeType === undefined ? {} : { chargeType: chargeType.trim() || null }),
    ...(expiredTime === undefined ? {} : { expiredTime: expiredTime ? new Date(expiredTime).toISOString() : null }),
  }
}

/** Where something of it is known from, each once, people first. */
export function sourcesOf(one: { sources: Record<string, Schemas['InstanceSource']> }): Schemas['InstanceSource'][] {
  const known = new Set(Object.entries(one.sources).filter(([field]) => field !== 'provider' && field !== 'instanceId').map(([, source]) => source))
  return (['byHand', 'imported', 'metadata'] as const).filter((source) => known.has(source))
}
