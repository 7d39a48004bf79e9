/** The container of an application as a form holds it, and back: ports and volumes as Docker writes them, a word on a line. */
import { Problem } from '@/api/problem'
import type { Schemas } from '@/api/server'

type Spec = Schemas['ContainerSpec']
type Port = NonNullable<Spec['ports']>[number]
type Volume = NonNullable<Spec['volumes']>[number]

export interface ContainerForm {
  ports: string
  volumes: string
  networks: string
  name: string
  user: string
  command: string
  entrypoint: string
  restart: string
  retries: string
  health: string
  healthPort: string
  healthPath: string
  healthCommand: string
  healthInterval: string
  checkTimeout: string
  healthTimeout: string
  stopGrace: string
  strategy: string
  protocol: string
  handoverGrace: string
  cpu: string
  memory: string
  labels: string
  ulimits: string
  logDriver: string
  logOptions: string
  extraHosts: string
  pull: string
  stopSignal: string
  privileged: string[]
}

const MIB = 1024 * 1024

export const lines = (text: string): string[] => text.split('\n').map((line) => line.trim()).filter(Boolean)
const seconds = (ms: number | null | undefined): string => (ms == null ? '' : String(ms / 1000))
const orNull = (text: string | undefined): string | null => text?.trim() || null
const number = (text: string | undefined, factor = 1): number | null => (text?.trim() ? Math.round(Number(text) * factor) : null)

function portText({ hostIp, host, container, protocol }: Port): string {
  const ip = hostIp ? `${hostIp.includes(':') ? `[${hostIp}]` : hostIp}:` : ''
  return `${ip}${host}:${container}${protocol === 'udp' ? '/udp' : ''}`
}

function port(line: string): Port | undefined {
  const match = /^(?:(\[[0-9a-fA-F:]+\]|[\d.]+):)?(\d+):(\d+)(?:\/(tcp|udp))?$/.exec(line)
  if (!match) return undefined
  const [, ip, host, container, protocol] = match
  return { host: Number(host), container: Number(container), protocol: protocol === 'udp' ? 'udp' : 'tcp', hostIp: ip ? ip.replace(/[[\]]/g, '') : null }
}

function volume(line: string): Volume {
  const [source = '', target = '', mode] = line.split(':')
  return { source, target, readOnly: mode === 'ro' }
}

/** `key=value`, one on a line. */
export function pairs(text: string): Record<string, string> {
  return Object.fromEntries(
    lines(text).map((line) => {
      const at = line.indexOf('=')
      return at < 0 ? [line, ''] : [line.slice(0, at).trim(), line.slice(at + 1).trim()]
    }),
  )
}
export const pairsText = (all: Record<string, string> | undefined): string => Object.entries(all ?? {}).map(([key, value]) => `${key}=${value}`).join('\n')

type Ulimit = NonNullable<Spec['ulimits']>[number]

/** `nofile=1024:65536`, one on a line; one number is both limits. */
function ulimits(text: string): Ulimit[] {
  return Object.entries(pairs(text)).map(([name, limits]) => {
    const [soft = '', hard] = limits.split(':')
    return { name, soft: Number(soft), hard: hard === undefined ? null : Number(hard) }
  })
}

function logOf(form: Partial<ContainerForm>): Spec['log'] {
  return form.logDriver ? { driver: form.logDriver as NonNullable<Spec['log']>['driver'], options: form.logDriver === 'none' ? {} : pairs(form.logOptions ?? '') } : null
}

export function toForm(spec: Spec): ContainerForm {
  const health = spec.healthCheck ?? { type: 'running' }
  const handover = spec.strategy?.type === 'handover' ? spec.strategy : undefined
  return {
    ports: (spec.ports ?? []).map(portText).join('\n'),
    volumes: (spec.volumes ?? []).map((one) => `${one.source}:${one.target}${one.readOnly ? ':ro' : ''}`).join('\n'),
    networks: (spec.networks ?? []).join(', '),
    name: spec.name ?? '',
    user: spec.user ?? '',
    command: (spec.command ?? []).join('\n'),
    entrypoint: (spec.entrypoint ?? []).join('\n'),
    restart: spec.restart ?? 'unless-stopped',
    retries: spec.restartMaxRetries == null ? '' : String(spec.restartMaxRetries),
    health: health.type,
    healthPort: 'port' in health ? String(health.port) : '',
    healthPath: 'path' in health ? (health.path ?? '') : '',
    healthCommand: 'command' in health ? health.command.join('\n') : '',
    healthInterval: 'intervalMs' in health ? seconds(health.intervalMs) : '',
    checkTimeout: 'timeoutMs' in health ? seconds(health.timeoutMs) : '',
    healthTimeout: seconds(spec.healthTimeoutMs),
    stopGrace: seconds(spec.stopGraceMs),
    strategy: handover ? 'handover' : 'recreate',
    protocol: handover?.protocol ?? 'http',
    handoverGrace: seconds(handover?.graceMs),
    cpu: spec.limits?.cpuMillis == null ? '' : String(spec.limits.cpuMillis / 1000),
    memory: spec.limits?.memoryBytes == null ? '' : String(spec.limits.memoryBytes / MIB),
    labels: pairsText(spec.labels),
    ulimits: (spec.ulimits ?? []).map((one) => `${one.name}=${one.soft}${one.hard == null ? '' : `:${one.hard}`}`).join('\n'),
    logDriver: spec.log?.driver ?? '',
    logOptions: pairsText(spec.log?.options),
    extraHosts: pairsText(spec.extraHosts),
    pull: spec.pullPolicy ?? 'always',
    stopSignal: spec.stopSignal ?? '',
    privileged: spec.privileged ? ['yes'] : [],
  }
}

/** With what the form does not ask for as it was before. */
export function fromForm(form: Partial<ContainerForm>, before: Spec): Spec {
  const words = (text: string | undefined) => (lines(text ?? '').length ? lines(text ?? '') : null)
  return {
    ...before,
    ports: lines(form.ports ?? '').map(port).filter((one): one is Port => one !== undefined),
    volumes: lines(form.volumes ?? '').map(volume),
    networks: (form.networks ?? '').split(/[\s,]+/).filter(Boolean),
    name: orNull(form.name),
    user: orNull(form.user),
    command: words(form.command),
    entrypoint: words(form.entrypoint),
    restart: form.restart as Spec['restart'],
    restartMaxRetries: form.restart === 'on-failure' ? number(form.retries) : null,
    healthCheck: healthOf(form),
    strategy: form.strategy === 'handover' ? { type: 'handover', protocol: form.protocol === 'tcp' ? 'tcp' : 'http', graceMs: number(form.handoverGrace, 1000) } : before.strategy && { type: 'recreate' },
    healthTimeoutMs: number(form.healthTimeout, 1000),
    stopGraceMs: number(form.stopGrace, 1000),
    limits: { cpuMillis: number(form.cpu, 1000), memoryBytes: number(form.memory, MIB) },
    labels: pairs(form.labels ?? ''),
    ulimits: ulimits(form.ulimits ?? ''),
    log: logOf(form),
    extraHosts: pairs(form.extraHosts ?? ''),
    pullPolicy: (form.pull || 'always') as Spec['pullPolicy'],
    stopSignal: orNull(form.stopSignal),
    privileged: form.privileged?.includes('yes') ?? false,
  }
}

function healthOf(form: Partial<ContainerForm>): Spec['healthCheck'] {
  const times = { intervalMs: number(form.healthInterval, 1000), timeoutMs: number(form.checkTimeout, 1000) }
  switch (form.health) {
    case 'http':
      return { type: 'http', port: Number(form.healthPort), path: orNull(form.healthPath), ...times }
    case 'tcp':
      return { type: 'tcp', port: Number(form.healthPort), ...times }
    case 'command':
      return { type: 'command', command: lines(form.healthCommand ?? ''), ...times }
    case 'image':
      return { type: 'image' }
    default:
      return { type: 'running' }
  }
}

/** Where the form asks for what the server names otherwise. */
const FIELDS: [RegExp, string][] = [
  [/^container\.ports/, 'ports'],
  [/^container\.volumes/, 'volumes'],
  [/^container\.networks/, 'networks'],
  [/^container\.healthCheck\.port/, 'healthPort'],
  [/^container\.healthCheck\.path/, 'healthPath'],
  [/^container\.healthCheck\.command/, 'healthCommand'],
  [/^container\.healthCheck\.intervalMs/, 'healthInterval'],
  [/^container\.healthCheck\.timeoutMs/, 'checkTimeout'],
  [/^container\.healthCheck/, 'health'],
  [/^container\.strategy\.graceMs/, 'handoverGrace'],
  [/^container\.healthTimeoutMs/, 'healthTimeout'],
  [/^container\.stopGraceMs/, 'stopGrace'],
  [/^container\.limits\.cpuMillis/, 'cpu'],
  [/^container\.limits\.memoryBytes/, 'memory'],
  [/^container\.restartMaxRetries/, 'retries'],
  [/^container\.log\.options/, 'logOptions'],
  [/^container\.log/, 'logDriver'],
  [/^container\.pullPolicy/, 'pull'],
  [/^container\.(\w+)/, '$1'],
]

/** The same failure, by the form's own names. */
export function asForm(error: unknown, fields: [RegExp, string][] = FIELDS): unknown {
  if (!(error instanceof Problem) || error.fields.length === 0) return error
  const renamed = error.fields.map((one) => {
    const rule = fields.find(([pattern]) => pattern.test(one.field))
    return rule ? { ...one, field: one.field.replace(new RegExp(`${rule[0].source}.*$`), rule[1]) } : one
  })
  return new Problem({ status: error.status, type: error.type, title: error.title, detail: error.detail, fields: renamed, operation: error.operation })
}
