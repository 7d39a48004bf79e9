import { Problem } from '@/api/problem'
import { lines } from '@/delivery/containerText'
import type { FieldDescription, FormDescription } from '@/forms/description'
import type { Schemas } from '@/api/server'
import type { DatabaseServer } from './useDatabases'

/** The form about a database server. */

const PORT: FieldDescription['rules'] = [['matches', /^\d{0,5}$/]]
const SECONDS: FieldDescription['rules'] = [['required'], ['matches', /^\d+(?:\.\d{1,3})?$/]]

/** Environment and kind are what releases were approved for: of one that is there they stay. */
export function databaseFields(isNew: boolean): FormDescription {
  const place: FormDescription = [
    { name: 'environment', input: 'select', label: 'hosts.environment', rules: [['required']] },
    { name: 'type', input: 'select', label: 'databases.type' },
  ]
  const password: FieldDescription = isNew
    ? { name: 'password', input: 'password', label: 'databases.password', hint: 'databases.passwordHint', rules: [['required']], autocomplete: 'new-password' }
    : { name: 'password', input: 'password', label: 'databases.newPassword', hint: 'databases.newPasswordHint', autocomplete: 'new-password' }
  return [
    { name: 'label', input: 'text', label: 'databases.label', hint: 'databases.labelHint', rules: [['required'], ['length', 1, 128]] },
    { name: 'hostId', input: 'select', label: 'databases.host', hint: 'databases.hostHint', rules: [['required']] },
    ...(isNew ? place : []),
    { name: 'ip', input: 'text', label: 'databases.address', hint: 'databases.addressHint', rules: [['required'], ['length', 1, 253]], mono: true },
    { name: 'port', input: 'text', label: 'databases.port', hint: 'databases.portHint', rules: PORT, wrong: 'forms.number', digits: true },
    { name: 'username', input: 'text', label: 'databases.username', hint: 'databases.usernameHint', rules: [['required'], ['length', 1, 128]] },
    password,
    { name: 'databases', input: 'textarea', label: 'databases.databases', hint: 'databases.databasesHint', rules: [['required']], mono: true, rows: 4, wide: true },
    { name: 'lockTimeoutMs', input: 'text', label: 'databases.lockTimeout', hint: 'databases.lockTimeoutHint', rules: SECONDS, wrong: 'forms.number' },
    { name: 'statementTimeoutMs', input: 'text', label: 'databases.statementTimeout', hint: 'databases.statementTimeoutHint', rules: SECONDS, wrong: 'forms.number' },
  ]
}

export interface DatabaseForm {
  label: string
  environment: string
  type: string
  ip: string
  port: string
  username: string
  password: string
  hostId: string
  databases: string
  /** Named as the server names them, for what it says of them; in seconds. */
  lockTimeoutMs: string
  statementTimeoutMs: string
}

export function databaseToForm(one?: DatabaseServer): DatabaseForm {
  return {
    label: one?.label ?? '',
    environment: one?.environment ?? '',
    type: one?.type ?? 'Postgres',
    ip: one?.ip ?? '',
    port: one ? String(one.port) : '',
    username: one?.username ?? '',
    password: '',
    hostId: one?.hostId ?? '',
    databases: one?.databases.join('\n') ?? '',
    lockTimeoutMs: String((one?.lockTimeoutMs ?? 10_000) / 1_000),
    statementTimeoutMs: String((one?.statementTimeoutMs ?? 1_800_000) / 1_000),
  }
}

/** Bounds in seconds, which the server has in milliseconds. */
const BOUNDS = { lockTimeoutMs: [0.1, 600], statementTimeoutMs: [1, 86_400] } as const

function ms(form: DatabaseForm, field: keyof typeof BOUNDS): number {
  const [least, most] = BOUNDS[field]
  const seconds = Number(form[field])
  if (seconds >= least && seconds <= most) return Math.round(seconds * 1_000)
  throw new Problem({ status: 422, fields: [{ field, message: '', code: 'range', params: { least: String(least), most: String(most) } }] })
}

function shared(form: DatabaseForm) {
  const port = form.port.trim()
  if (port && (Number(port) < 1 || Number(port) > 65_535)) throw new Problem({ status: 422, fields: [{ field: 'port', message: '', code: 'port' }] })
  return {
    label: form.label.trim(),
    ip: form.ip.trim(),
    // Left out, it is the usual one of its kind.
    ...(port ? { port: Number(port) } : {}),
    username: form.username,
    hostId: form.hostId,
    databases: [...new Set(lines(form.databases))],
    lockTimeoutMs: ms(form, 'lockTimeoutMs'),
    statementTimeoutMs: ms(form, 'statementTimeoutMs'),
  }
}

export function newDatabase(form: DatabaseForm): Schemas['NewServer'] {
  return { ...shared(form), environment: form.environment, type: form.type as DatabaseServer['type'], password: form.password }
}

/** Only what differs; an empty password is the one that is there. */
export function databasePatch(form: DatabaseForm, before: DatabaseForm): Schemas['ServerPatch'] {
  const [now, then] = [shared(form), shared(before)]
  const differs = Object.entries(now).filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(then[name as keyof typeof then]))
  return { ...Object.fromEntries(differs), ...(form.password ? { password: form.password } : {}) }
}
