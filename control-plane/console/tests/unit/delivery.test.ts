import { createHmac } from 'node:crypto'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { Problem } from '@/api/problem'
import type { Schemas } from '@/api/server'
import { asForm, fromForm, toForm } from '@/delivery/containerText'
import { containerFields, environmentFields } from '@/delivery/deliveryForms'
import { asEnvironmentForm, environmentFromForm, environmentToForm } from '@/delivery/environmentForm'
import { batches, hostStatus, isCulprit, isStuck, parts, stopped, telling, timeline } from '@/delivery/rollout'
import { SNIPPETS, reportSnippet, snippet } from '@/delivery/snippets'
import { eventOf, fromRows, toRows } from '@/delivery/triggerRules'
import { shortDigest, wasMoved, type Version } from '@/delivery/useVersions'

const SPEC: Schemas['ContainerSpec'] = {
  ports: [
    { host: 8080, container: 80, protocol: 'tcp', hostIp: null },
    { host: 5353, container: 53, protocol: 'udp', hostIp: '127.0.0.1' },
    { host: 81, container: 81, protocol: 'tcp', hostIp: '::1' },
  ],
  volumes: [
    { source: 'data', target: '/var/lib/shop', readOnly: false },
    { source: '/etc/shop', target: '/etc/shop', readOnly: true },
  ],
  networks: ['front', 'back'],
  name: 'shop-1',
  user: '1000:1000',
  command: ['serve', '--name', 'a word with spaces'],
  entrypoint: null,
  restart: 'on-failure',
  restartMaxRetries: 3,
  healthCheck: { type: 'http', port: 80, path: '/healthz', intervalMs: 200, timeoutMs: 1000 },
  healthTimeoutMs: 90_000,
  stopGraceMs: 1500,
  limits: { cpuMillis: 1500, memoryBytes: 268_435_456 },
  labels: { 'com.example.team': 'shop', query: 'a=b' },
  ulimits: [
    { name: 'nofile', soft: 1024, hard: -1 },
    { name: 'core', soft: -1, hard: null },
  ],
  log: { driver: 'json-file', options: { 'max-size': '10m' } },
  extraHosts: { db: '10.0.0.7', six: 'fd00::1' },
  pullPolicy: 'missing',
  stopSignal: 'SIGINT',
  privileged: false,
}

function rule(fields: ReturnType<typeof containerFields>, name: string): RegExp {
  const found = fields.find((field) => field.name === name)?.rules?.find((one) => one[0] === 'matches')
  if (!found) throw new Error(`${name} matches nothing`)
  return found[1] as RegExp
}

describe('the form of a container', () => {
  it('gives back what it was made of', () => {
    expect(fromForm(toForm(SPEC), SPEC)).toEqual(SPEC)
  })

  it('asks for the times of a check and for a handover', () => {
    const handover: typeof SPEC = { ...SPEC, strategy: { type: 'handover', protocol: 'tcp', graceMs: 5000 } }
    expect(fromForm(toForm(handover), handover)).toEqual(handover)
    const form = { ...toForm(SPEC), health: 'tcp', healthInterval: '0.5', checkTimeout: '', strategy: 'handover', handoverGrace: '' }
    expect(fromForm(form, SPEC)).toMatchObject({ healthCheck: { type: 'tcp', intervalMs: 500, timeoutMs: null }, strategy: { type: 'handover', protocol: 'http', graceMs: null } })
    expect(fromForm({ ...toForm(handover), strategy: 'recreate' }, handover).strategy).toEqual({ type: 'recreate' })
    const names = (health: string, strategy?: string) => containerFields(health, 'always', strategy).map((field) => field.name)
    expect(names('http', 'handover')).toEqual(expect.arrayContaining(['healthInterval', 'checkTimeout', 'protocol', 'handoverGrace']))
    for (const name of ['healthInterval', 'checkTimeout', 'protocol', 'handoverGrace']) expect(names('running')).not.toContain(name)
  })

  it('asks for log options where a driver takes some, and for nothing more by itself', () => {
    const plain = fromForm({ ...toForm(SPEC), ulimits: '', logDriver: '', extraHosts: '', pull: 'always', stopSignal: ' ' }, SPEC)
    expect(plain).toMatchObject({ ulimits: [], log: null, extraHosts: {}, pullPolicy: 'always', stopSignal: null })
    expect(fromForm({ ...toForm(SPEC), logDriver: 'none' }, SPEC).log).toEqual({ driver: 'none', options: {} })
    const names = (driver: string) => containerFields('running', 'always', 'recreate', driver).map((field) => field.name)
    expect(names('gelf')).toContain('logOptions')
    for (const driver of ['', 'none']) expect(names(driver)).not.toContain('logOptions')
    const pattern = rule(containerFields('running', 'always'), 'ulimits')
    for (const right of ['', 'nofile=1024', 'nofile=1024:-1\ncore=-1']) expect(right, right).toMatch(pattern)
    for (const wrong of ['nofile', 'nofile=a', 'nofile=1:2:3']) expect(wrong, wrong).not.toMatch(pattern)
  })

  it('leaves out what was emptied and keeps what it does not ask for', () => {
    const emptied = fromForm({ ...toForm(SPEC), ports: '', command: ' \n', healthTimeout: '', health: 'running', memory: '' }, { ...SPEC, future: 1 } as typeof SPEC)
    expect(emptied).toMatchObject({ ports: [], command: null, healthTimeoutMs: null, healthCheck: { type: 'running' }, limits: { memoryBytes: null }, future: 1 })
  })

  it('accepts its own ports and volumes, and no others', () => {
    const fields = containerFields('http', 'always')
    const form = toForm(SPEC)
    expect(form.ports).toMatch(rule(fields, 'ports'))
    expect(form.volumes).toMatch(rule(fields, 'volumes'))
    for (const wrong of ['80', '80:', '8080:80/sctp', '8080 80', 'host:80:80']) expect(wrong, wrong).not.toMatch(rule(fields, 'ports'))
    for (const wrong of ['data', 'data:relative', 'data:/a:rw']) expect(wrong, wrong).not.toMatch(rule(fields, 'volumes'))
  })

  it('is not slow to refuse a long text', () => {
    const began = performance.now()
    expect(`${'8080:80\n'.repeat(2000)}x`).not.toMatch(rule(containerFields('http', 'always'), 'ports'))
    expect(`${'a=b\n'.repeat(2000)}x`).not.toMatch(rule(containerFields('http', 'always'), 'labels'))
    expect(performance.now() - began).toBeLessThan(500)
  })

  it('hears of the server’s fields by its own names', () => {
    const error = new Problem({ status: 422, fields: ['container.ports[1].hostIp', 'container.limits.memoryBytes', 'container.healthCheck.port', 'container.healthCheck.intervalMs', 'container.strategy.graceMs', 'container.strategy', 'container.user', 'name'].map((field) => ({ field, message: '' })) })
    expect((asForm(error) as Problem).fields.map((one) => one.field)).toEqual(['ports', 'memory', 'healthPort', 'healthInterval', 'handoverGrace', 'strategy', 'user', 'name'])
  })
})

describe('the form of an environment', () => {
  const environment: Schemas['ApplicationEnvironment'] = {
    hosts: ['h1', 'h2'],
    selector: { role: 'web' },
    approvalRequired: true,
    overrides: { container: { limits: { memoryBytes: 1 } } as object as Record<string, never> },
    rollout: { batchSize: '25%', orderBy: 'zone', pauseAfterFirst: true, maxFailures: 2, onFailure: 'rollBack', offline: 'skip', waitS: 60, queue: 'queue' },
    imageWaitS: 120,
    drift: 'reconcile',
    keepImages: 5,
  }

  it('gives back what it was made of', () => {
    expect(environmentFromForm(environmentToForm('prod', environment), { future: 1 } as typeof environment, '')).toEqual({ ...environment, future: 1 })
  })

  it('is all at once and careful when nothing was said', () => {
    expect(environmentFromForm(environmentToForm('prod', {}), {}, '').rollout).toEqual({ batchSize: null, orderBy: null, pauseAfterFirst: false, maxFailures: 0, onFailure: 'stop', offline: 'wait', waitS: 1800, queue: 'supersede' })
  })

  it('says under the field what is no JSON object', () => {
    for (const overrides of ['{', '[]', '3', 'null']) {
      const form = { ...environmentToForm('prod', environment), overrides }
      expect(() => environmentFromForm(form, {}, 'no object')).toThrowError(expect.objectContaining({ fields: [{ field: 'overrides', message: 'no object' }] }))
    }
  })

  it('takes numbers and parts of hosts only', () => {
    const share = rule(environmentFields(false), 'batchSize')
    for (const right of ['', '3', '25%', '100%', '0%']) expect(right).toMatch(share)
    for (const wrong of ['-1', '101%', '2.5', '25 %', '%']) expect(wrong, wrong).not.toMatch(share)
  })

  it('hears of the server’s fields by its own names', () => {
    const error = new Problem({ status: 422, fields: ['environments.prod.rollout.batchSize', 'environments.prod.overrides.container', 'container.limits.memoryBytes', 'environments.prod'].map((field) => ({ field, message: '' })) })
    expect((asEnvironmentForm(error) as Problem).fields.map((one) => one.field)).toEqual(['batchSize', 'overrides', 'overrides', 'name'])
  })
})

describe('a rollout', () => {
  const host = (id: string, batch: number, status: Schemas['Status'], back?: Schemas['Status']): Schemas['DeploymentHost'] => ({
    hostId: id,
    hostName: id,
    batch,
    status,
    startedAt: status === 'skipped' ? null : '2026-01-01T00:00:01Z',
    endedAt: `2026-01-01T00:00:0${batch + 2}Z`,
    ...(back ? { back: { status: back } } : {}),
  })
  const hosts = [host('a', 0, 'success', 'success'), host('b', 0, 'rolledBack'), host('c', 1, 'success', 'failure'), host('d', 1, 'success', 'running'), host('e', 2, 'skipped')]

  it('is where its hosts are', () => {
    expect(hosts.map(hostStatus)).toEqual(['rolledBack', 'rolledBack', 'success', 'running', 'skipped'])
    expect(hosts.filter(isCulprit).map((one) => one.hostId)).toEqual(['b'])
    expect(hosts.filter(isStuck).map((one) => one.hostId)).toEqual(['c'])
    expect(telling(hosts)).toBe('c')
    expect(telling([])).toBe('')
    expect(batches(hosts).map((batch) => [batch.number, batch.hosts.length])).toEqual([[1, 2], [2, 2], [3, 1]])
  })

  it('says why it stopped, while it goes back and when it has', () => {
    const seen = { hosts, status: 'running', phase: 'rollingBack', cancelAsked: false } as unknown as Schemas['DeploymentDetail']
    expect(stopped(seen)).toEqual({ key: 'rolling.goesBack', blanks: { failed: 1, total: 5 } })
    expect(stopped({ ...seen, status: 'rolledBack' })).toEqual({ key: 'rolling.wentBack', blanks: { failed: 1, total: 5, back: 1, left: 1 } })
    // Somebody wanted it, or nothing went back.
    expect(stopped({ ...seen, cancelAsked: true })).toBeUndefined()
    expect(stopped({ ...seen, phase: 'rolling' })).toBeUndefined()
    expect(stopped({ ...seen, hosts: hosts.slice(4) })).toBeUndefined()
  })

  it('shows parts that are there, and all of them', () => {
    const shown = parts(hosts)
    // One failed by itself and one went back with the rest: who looks for what failed finds it.
    expect(shown.map((part) => [part.status, part.count])).toEqual([['success', 1], ['running', 1], ['failedBack', 1], ['rolledBack', 1], ['skipped', 1]])
    expect(shown.reduce((sum, part) => sum + part.ratio, 0)).toBeCloseTo(1)
    expect(parts([])).toEqual([])
  })

  it('tells what happened in the order in which it happened, and nothing of what did not', () => {
    const seen = { createdAt: '2026-01-01T00:00:00Z', startedAt: '2026-01-01T00:00:01Z', completedAt: '2026-01-01T00:00:09Z', status: 'failure', approvals: [{ at: '2026-01-01T00:00:00.5Z', by: 'user:1', name: 'sam', comment: 'yes' }], triggeredBy: { id: '1', kind: 'user', name: 'rita' }, hosts, batches: 3 }
    const moments = timeline(seen as unknown as Schemas['DeploymentDetail'])
    expect(moments.map((one) => one.key)).toEqual(['asked', 'approved-2026-01-01T00:00:00.5Z', 'began', 'batch-1', 'batch-2', 'ended'])
    expect(moments[3]).toMatchObject({ tone: 'bad', blanks: { bad: 1, hosts: 2 } })
    expect(moments[4]).toMatchObject({ tone: 'ok' })
  })
})

describe('a call for CI', () => {
  const target = { origin: 'https://muster.example.com', applicationId: 'app-1' }
  const NAMES = { VERSION: '1.4.2', KEY: 'k', GITHUB_REF_NAME: '1.4.2', CI_COMMIT_TAG: '1.4.2', MUSTER_TOKEN: 'whk_1' }

  /** What the part for the shell does when curl gives these answers, one after the other: its exit and what it sent. */
  function run(kind: (typeof SNIPPETS)[number], answers: string[], signed = false) {
    const lines = snippet(kind, { ...target, signed }).split('\n')
    const script = kind === 'curl' ? lines.slice(1) : lines.slice(lines.findIndex((line) => line.trim() === (signed ? 'pad() {' : 'deploy() {')))
    const folder = mkdtempSync(join(tmpdir(), 'snippet-'))
    try {
      answers.forEach((answer, n) => writeFileSync(join(folder, String(n)), answer))
      const fake = ['curl() {', `  printf '%s\\n' "$@" >>"${folder}/said"`, `  cat >>"${folder}/sent"; n=$(cat "${folder}/n" 2>/dev/null || echo 0); echo $((n + 1)) >"${folder}/n"`, `  cat "${folder}/$n"`, '}']
      const done = spawnSync('bash', ['-e'], { input: [...fake, ...script].join('\n'), env: { ...process.env, ...NAMES, MUSTER_SIGNING_SECRET: 'whs_1' } })
      return { status: done.status, said: readFileSync(join(folder, 'said')).toString(), calls: Number(readFileSync(join(folder, 'n'))), sent: readFileSync(join(folder, 'sent')).toString() }
    } finally {
      rmSync(folder, { recursive: true })
    }
  }
  const answer = (status: string, success = true) => JSON.stringify({ success, deploymentId: 'd', application: { id: 'app-1', name: 'shop', version: '1.4.2' }, message: 'said "status":"success"', status })

  it('names the application, keeps the token out of arguments, and is valid JSON inside', () => {
    for (const kind of SNIPPETS) {
      const text = snippet(kind, target)
      expect(text).toContain('https://muster.example.com/webhook/deploy?wait=1')
      const lines = text.split('\n')
      const at = lines.findIndex((line) => line.includes('curl -sS'))
      expect(lines.slice(at, at + 2).join()).not.toContain('MUSTER_TOKEN')
      expect(JSON.parse(run(kind, [answer('success')]).sent)).toEqual({ applicationId: 'app-1', version: '1.4.2', token: 'whk_1' })
    }
  })

  it('is signed where calls must be, with the secret in no argument', () => {
    for (const kind of SNIPPETS) {
      const { said, sent, status } = run(kind, [answer('success')], true)
      expect(status, kind).toBe(0)
      const time = /x-muster-timestamp: (\d+)/.exec(said)?.[1] ?? ''
      expect(said).toContain(`x-muster-signature-256: sha256=${createHmac('sha256', 'whs_1').update(`${time}.${sent}`).digest('hex')}`)
      expect(said).not.toContain('whs_1')
      expect(run(kind, [answer('success')]).said).not.toContain('x-muster')
    }
  })

  it('succeeds only if the deployment did', () => {
    for (const kind of SNIPPETS) {
      expect(run(kind, [answer('success')])).toMatchObject({ status: 0, calls: 1 })
      for (const bad of ['rolledBack', 'failure', 'cancelled']) expect(run(kind, [answer(bad, false)]), bad).toMatchObject({ status: 1, calls: 1 })
      expect(run(kind, ['{"type":"unauthenticated","title":"no","status":401}']), kind).toMatchObject({ status: 1, calls: 1 })
      expect(run(kind, [answer('waitingApproval'), answer('running'), answer('success')]), kind).toMatchObject({ status: 0, calls: 3 })
      expect(run(kind, Array.from({ length: 4 }, () => answer('running'))), kind).toMatchObject({ status: 1, calls: 4 })
    }
  })
})

describe('the report for CI', () => {
  it('is a script that a shell can read, without the token in an argument', () => {
    const text = reportSnippet({ origin: 'https://muster.example.com', applicationId: 'app-1' })
    execFileSync('bash', ['-n'], { input: text })
    expect(text).toContain('https://muster.example.com/webhook/version')
    expect(text).not.toContain('"$MUSTER_TOKEN"')
    const signed = reportSnippet({ origin: 'https://muster.example.com', applicationId: 'app-1', signed: true })
    execFileSync('bash', ['-n'], { input: signed })
    expect(signed).toContain('x-muster-signature-256')
  })
})

describe('rules of a Git host', () => {
  const seed = {
    push: { branches: { precise: ['main'], prefix: ['release/'], regex: ['v[0-9]+'], exclude: { precise: ['release/old'], prefix: [], regex: ['.*-wip'] } }, tags: null },
    pullRequest: { branches: { precise: ['main'], prefix: [], regex: [], exclude: { precise: [], prefix: [], regex: [] } } },
    version: '{branch}-{sha7}',
  }

  it('are rows and rules again', () => {
    const rows = toRows(seed)
    expect(rows.push.map((row) => `${row.except ? 'not ' : ''}${row.kind} ${row.pattern}`)).toEqual(['precise main', 'prefix release/', 'regex v[0-9]+', 'not precise release/old', 'not regex .*-wip'])
    expect(rows.tag).toEqual([])
    expect(fromRows(rows, '{branch}-{sha7}')).toEqual(seed)
  })

  it('are none where nothing is written', () => {
    expect(fromRows({ push: [{ kind: 'prefix', pattern: '  ', except: false }], tag: [], merged: [] }, ' ')).toEqual({ push: { branches: null, tags: null }, pullRequest: { branches: null }, version: null })
    expect(toRows(undefined)).toEqual({ push: [], tag: [], merged: [] })
  })

  it('are told wrong where they stand', () => {
    const at = (part: string) => eventOf(`environments.default.triggerSpec.github.${part}`)
    expect([at('push.branches'), at('push.tags'), at('pullRequest.branches'), at('version'), at('else')]).toEqual(['push', 'tag', 'merged', 'version', undefined])
  })
})

describe('versions', () => {
  it('are moved when the tag points elsewhere than what runs', () => {
    const version = (registry: string | null, runs: (string | null)[]) =>
      ({ registry: { present: true, digest: registry, digestAt: null }, runs: runs.map((digest) => ({ digest })) }) as unknown as Version
    expect(wasMoved(version('sha256:a', ['sha256:a', null]))).toBe(false)
    expect(wasMoved(version('sha256:b', ['sha256:a']))).toBe(true)
    expect(wasMoved(version(null, ['sha256:a']))).toBe(false)
    expect(shortDigest(`sha256:${'0123456789ab'.repeat(5)}`)).toBe('0123456789ab')
  })
})
