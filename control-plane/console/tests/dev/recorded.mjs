/**
 * Answers like the control plane's, for looking at pages while there is none: `MUSTER_RECORDED=1 npm run dev`.
 * Only Vite's development server loads it; no build holds it, and no test that counts uses it.
 */
import { placeAnswer, placed } from './recordedPlaces.mjs'
import { fleetValues, manyHosts } from './recordedFleet.mjs'
import { setupAnswer, setupStream } from './recordedSetup.mjs'
import { flowAnswers, ofRow, ofTicket, shutWindow } from './recordedFlows.mjs'

const org = { id: '01890000-0000-7000-8000-0000000000aa', name: 'Acme 云平台', slug: 'acme', role: 'OWNER' }
const now = () => Date.now()
const iso = (ms) => new Date(ms).toISOString()
const uuid = (n) => `01890000-0000-7000-8000-${String(n).padStart(12, '0')}`

const hosts = ['edge-ams-1', 'edge-sin-2', 'db-primary', 'db-replica', 'ci-runner-7', 'web-01', 'web-02'].map((name, i) => ({
  id: uuid(i + 1),
  name,
  hostname: name,
  status: i === 3 ? 'offline' : i === 4 ? 'degraded' : 'online',
  lastSeenAt: iso(now() - (i === 3 ? 12 * 60_000 : 4_000)),
  environment: i < 2 ? 'prod' : 'test',
  clusterId: null,
  labels: { role: name.split('-')[0] },
  joinedAt: iso(now() - 40 * 86_400_000),
  certificateExpiresAt: iso(now() + 5 * 86_400_000),
  facts: {
    hostname: name,
    os: 'Debian GNU/Linux 12',
    kernel: '6.1.0-28-amd64',
    arch: 'x86_64',
    cpus: 8,
    cpuModel: 'AMD EPYC 7763',
    memoryBytes: 16 * 2 ** 30,
    swapBytes: 2 * 2 ** 30,
    bootAt: iso(now() - 12 * 86_400_000),
    dockerVersion: '20.10.24',
    agentVersion: '0.1.0',
    innerIp: `10.0.0.${i + 10}`,
  },
  latest: { at: iso(now()), values: {
    'cpu.total': 8 + i * 9,
    'memory.used': (3 + i) * 2 ** 30,
    'memory.total': 16 * 2 ** 30,
    'disk./.used': (20 + i * 3.9) * 2 ** 30,
    'disk./.total': 50 * 2 ** 30,
  } },
})).map(placed)
hosts.push(...manyHosts(hosts, Number(process.env.MUSTER_RECORDED_HOSTS ?? 0)))

const instances = { core: ['0', '1', '2', '3'], disk: ['/', '/var/lib/docker'], diskio: ['nvme0n1'], net: ['eth0', 'docker0'] }
const units = (name) =>
  /cpu|busy/.test(name) ? 'percent' : /Bytes$/.test(name) ? 'bytesPerSecond' : /memory|swap|disk\./.test(name) ? 'bytes' : 'count'

function wave(name, time, i) {
  const hash = [...name].reduce((sum, c) => (sum * 31 + c.charCodeAt(0)) % 997, 7)
  const base = { percent: 22, bytesPerSecond: 900_000, bytes: 5 * 2 ** 30, count: 12 }[units(name)]
  if (/total$|Total$/.test(name) && units(name) !== 'percent') return name.includes('inodes') ? 3_200_000 : 16 * 2 ** 30
  if (name.includes('inodesUsed')) return 410_000
  const value = base * (0.6 + 0.25 * Math.sin(time / 600_000 + hash) + 0.12 * Math.sin(time / 47_000 + hash * i) + 0.05 * Math.random())
  return Math.max(0, value)
}

/** Each host has waves of its own; the fifth was away for a while longer. */
function metrics(url, nth = 0) {
  const from = Number(url.searchParams.get('from'))
  const to = Number(url.searchParams.get('to'))
  const asked = Number(url.searchParams.get('step'))
  const tier = to - from > 8 * 86_400_000 ? 'day' : to - from > 2 * 86_400_000 ? 'hour' : 'raw'
  const stepS = Math.max(asked, { raw: 10, hour: 3600, day: 86_400 }[tier])
  const names = url.searchParams.get('series').split(',').flatMap((name) => {
    if (!name.includes('*')) return [name]
    const kind = name.startsWith('cpu.core') ? 'core' : name.split('.')[0]
    return instances[kind].map((one) => name.replace('*', one))
  })
  const gap = [from + (to - from) * (nth === 4 ? 0.3 : 0.55), from + (to - from) * 0.63]
  const series = names.map((name, i) => {
    const points = []
    for (let time = Math.ceil(from / (stepS * 1000)) * stepS * 1000; time <= to; time += stepS * 1000) {
      if (time > gap[0] && time < gap[1]) continue
      const avg = wave(name, time + nth * 400_000, i) * (1 + (nth % 5) / 4)
      points.push([time, avg, avg * 0.82, avg * 1.25])
    }
    return { name, unit: units(name), points }
  })
  return { tier, stepS, stats: ['avg', 'min', 'max'], series }
}

const list = (items) => ({ items, nextCursor: null })
const containers = ['shop', 'shop-db', 'worker'].map((name, i) => ({
  id: String(i).repeat(64),
  name,
  image: `registry.acme.internal/${name}:1.${i}.0`,
  state: i === 2 ? 'exited' : 'running',
  health: i === 0 ? 'healthy' : 'none',
  restarts: i,
  createdAt: iso(now() - 86_400_000),
  startedAt: iso(now() - 3_600_000 * (i + 1)),
  latest: { at: iso(now()), values: { 'container.cpu': 12.5 * i, 'container.memory.used': 180 * 2 ** 20 * (i + 1) } },
}))

const fleetContainers = hosts.slice(0, 4).flatMap((host, h) => containers.map((one, i) => ({
  ...one, hostId: host.id, hostName: host.name, hostStatus: host.status, present: true, seenAt: host.lastSeenAt, labels: {}, imageId: 'sha256:01',
  application: i === 0 ? { id: uuid(300), name: 'shop', environment: h % 2 ? 'prod' : 'default', version: '1.4.4' } : null, mayOperate: true, mayReadLog: true,
})))

const application = {
  id: uuid(300), name: 'shop', description: 'The storefront', mode: 'normal', image: 'team/shop', registryId: null,
  container: { ports: [{ host: 8080, container: 80, protocol: 'tcp' }], restart: 'unless-stopped', health: { type: 'http', port: 80, path: '/healthz' } },
  environments: { default: { hosts: [hosts[0].id], selector: {} }, prod: { hosts: [], selector: { role: 'web' } } },
  webhookEnabled: true, webhookEnvironment: 'default', status: 4, createdBy: 'ada', createdAt: iso(now() - 9e9), updatedAt: iso(now() - 9e6),
}
const deployments = ['success', 'rolledBack', 'running', 'failure', 'success'].map((status, i) => ({
  id: uuid(400 + i), applicationId: application.id, applicationName: 'shop', environment: i % 2 ? 'prod' : 'default', version: `1.4.${5 - i}`,
  image: `registry.acme.internal/team/shop:1.4.${5 - i}`, digest: `sha256:${'ab12'.repeat(16)}`, status, triggerType: i % 2 ? 'manual' : 'webhook',
  triggerIp: '10.0.0.7', triggeredBy: { kind: 'user', id: uuid(99), name: i % 2 ? 'ada' : 'shop' }, originId: null, cancelAsked: false,
  error: status === 'rolledBack' ? 'the new container answered 500 to GET /healthz for 30 s; the old one was put back and serves' : null,
  createdAt: iso(now() - 6e5 * (i + 1)), startedAt: iso(now() - 6e5 * (i + 1)), completedAt: status === 'running' ? null : iso(now() - 5.8e5 * (i + 1)),
  durationMs: status === 'running' ? null : 8423 + i * 900,
}))
const stepNames = ['verify', 'authenticate', 'pull', 'set-aside', 'stop-old', 'start-new', 'health']
const detail = (one) => ({
  ...one,
  hosts: [{ hostId: hosts[0].id, hostName: hosts[0].name, orderId: uuid(1), status: one.status, digest: one.digest, error: one.error }],
  steps: [
    ...['targets', 'resolve-env', 'digest'].map((name, i) => ({ hostId: null, position: i, name, status: 'done', durationMs: 12 * i + 2, detail: i === 0 ? '1 host' : '', at: one.createdAt })),
    ...stepNames.map((name, i) => ({ hostId: hosts[0].id, position: i, name, status: name === 'health' && one.status === 'rolledBack' ? 'failed' : 'done', durationMs: 120 * (i + 1), detail: name === 'pull' ? 'team/shop:1.4.4 (3 layers, 2 MiB)' : '', at: one.createdAt })),
    ...(one.status === 'rolledBack' ? [{ hostId: hosts[0].id, position: 7, name: 'put-back', status: 'done', durationMs: 310, detail: 'shop serves again', at: one.createdAt }] : []),
  ],
})
const serverSql = {
  server: uuid(600), label: 'orders-prod', type: 'Postgres', sha256: 'c0ffee'.repeat(10), database: 'orders', rollbackSql: null, notTakenBack: [], risk: 'destructive',
  sql: '', findings: [{ rule: 'drop-column', severity: 'warning', line: 3, message: 'dropping a column loses what is in it; programs that still read it fail' }],
  statements: [
    { sql: 'create table invoices (\n    id bigint primary key,\n    order_id bigint not null,\n    issued_at timestamptz not null\n)', kind: 'createTable', risk: 'safe', reasons: [], transactional: true },
    { sql: 'alter table orders drop column legacy_state', kind: 'alterTable', risk: 'destructive', reasons: ['drops column legacy_state and what is in it'], transactional: true },
    { sql: 'create index concurrently orders_by_customer on orders (customer_id)', kind: 'createIndex', risk: 'warning', reasons: ['reads the whole table'], transactional: false },
  ],
}
const ticket = { id: uuid(500), project: 'shop', version: '2.1.0', environment: 'prod', database: 'orders', status: 'pending', risk: 'destructive', author: 'grace', releaseId: null, createdAt: iso(now() - 3e6), updatedAt: iso(now() - 3e6) }
const release = { id: uuid(510), ticketId: ticket.id, project: 'shop', version: '2.0.0', environment: 'prod', database: 'orders', risk: 'warning', createdAt: iso(now() - 4e6) }
const execution = { id: uuid(520), releaseId: release.id, version: '2.0.0', environment: 'prod', database: 'orders', server: uuid(600), serverLabel: 'orders-prod', hostId: hosts[2].id, orderId: null, dryRun: false, notBefore: null, waits: null, overrideReason: null, status: 'failure', error: 'statement 2: column "legacy_state" of relation "orders" does not exist; the transaction was rolled back', serverVersion: 'PostgreSQL 15.14', by: 'ada', createdAt: iso(now() - 2e6), startedAt: iso(now() - 2e6), endedAt: iso(now() - 1.99e6), durationMs: 183 }
const more = {
  '/applications': list([application]), [`/applications/${application.id}`]: application,
  '/deployments': list(deployments), ...Object.fromEntries(deployments.map((one) => [`/deployments/${one.id}`, detail(one)])),
  '/schema/tickets': list([{ ...ticket, ...ofRow }]), [`/schema/tickets/${ticket.id}`]: { ...ticket, sql: '', servers: [serverSql], events: [{ kind: 'proposed', name: 'grace', comment: '', at: ticket.createdAt }, { kind: 'commented', name: 'ada', comment: 'Does anything still read legacy_state?', at: ticket.createdAt }], ...ofTicket },
  '/schema/releases': list([release]), [`/schema/releases/${release.id}`]: { ...release, sha256: 'c0ffee'.repeat(10), signature: { state: 'holds', keyId: 'c0ffee0123456789', digest: 'c0ffee'.repeat(10), mayBeVouched: false, voucher: null }, servers: [{ ...serverSql, risk: 'warning', findings: [] }], approvals: [{ name: 'ada', comment: '', at: release.createdAt }], window: shutWindow },
  '/schema/executions': list([execution]), [`/schema/executions/${execution.id}`]: { ...execution, baseCheck: { state: 'same', detail: '', checkedAt: execution.createdAt, count: 0, differences: [] }, steps: [
    { sql: serverSql.statements[0].sql, status: 'success', durationMs: 12, rows: 0, error: null, detail: null },
    { sql: serverSql.statements[1].sql, status: 'failure', durationMs: 3, rows: null, error: 'column "legacy_state" of relation "orders" does not exist', detail: null },
    { sql: serverSql.statements[2].sql, status: 'skipped', durationMs: null, rows: null, error: null, detail: null } ] },
}

// Alerts.
const receivers = [
  { id: uuid(700), name: 'On call', kind: 'mail', language: 'en', enabled: true, addresses: ['oncall@acme.example', 'ada@acme.example'], place: '', signed: false, lastTest: { ok: true, message: '', at: iso(now() - 9e6) } },
  { id: uuid(701), name: '运维群', kind: 'dingtalk', language: 'zh', enabled: true, addresses: [], place: 'https://oapi.dingtalk.com', signed: true, lastTest: { ok: false, message: 'the receiver answers errcode 310000: sign not match', at: iso(now() - 4e6) } },
  { id: uuid(702), name: 'Incident tracker', kind: 'webhook', language: 'en', enabled: false, addresses: [], place: 'https://incidents.acme.internal:8443', signed: true, lastTest: null },
].map((one) => ({ ...one, createdBy: 'ada', createdAt: iso(now() - 9e8), updatedAt: iso(now() - 9e7) }))
const rules = [
  { name: 'CPU at work', severity: 'critical', check: { kind: 'threshold', series: 'cpu.total', comparison: 'above', threshold: 90 }, forS: 300, receivers: [uuid(701)], escalateAfterS: 900, escalateTo: [uuid(700)], note: 'Look at the queue first.' },
  { name: 'Disks fill up', severity: 'warning', check: { kind: 'diskFull', hours: 24 }, forS: 600, receivers: [uuid(700)], note: '' },
  { name: 'Host is down', severity: 'critical', check: { kind: 'hostDown' }, forS: 0, receivers: [], note: '' },
  { name: 'Shop uses much memory', severity: 'info', check: { kind: 'threshold', series: 'container.memory.used', comparison: 'atLeast', threshold: 1.5 * 2 ** 30 }, forS: 900, receivers: [], note: '', enabled: false },
  { name: 'Containers restart', severity: 'warning', check: { kind: 'containerRestarting', times: 3, minutes: 15 }, containers: ['shop*'], forS: 0, receivers: [uuid(700)], note: '' },
  { name: 'Certificates end', severity: 'warning', check: { kind: 'certificateExpiring', hours: 24 }, forS: 0, receivers: [], note: '' },
].map((one, i) => ({ id: uuid(710 + i), enabled: true, hosts: { ids: [], labels: {}, environment: null, clusterId: null }, containers: [], resolveAfterS: 120, repeatS: 14_400, escalateAfterS: 0, escalateTo: [], inbox: true, createdBy: 'ada', createdAt: iso(now() - 9e8), updatedAt: iso(now() - 9e7), ...one }))
const alertOf = (i, rule, host, more) => ({
  id: uuid(720 + i), ruleId: rules[rule].id, ruleName: rules[rule].name, kind: rules[rule].check.kind, severity: rules[rule].severity, hostId: hosts[host].id, hostName: hosts[host].name,
  container: null, series: rules[rule].check.series ?? null, state: 'firing', value: 96.4, pendingSince: iso(now() - 1e6), firedAt: iso(now() - 7e5), clearingSince: null, noDataSince: null, toldAt: iso(now() - 7e5),
  resolvedAt: null, reason: null, silencedBy: null, inhibited: false, acknowledgedAt: null, acknowledgedBy: null, acknowledgement: null, escalatedAt: null, ...more,
})
const alerts = [
  alertOf(0, 2, 3, { value: 734 }),
  alertOf(1, 0, 3, { noDataSince: iso(now() - 7e5), inhibited: true }),
  alertOf(2, 0, 5, { acknowledgedAt: iso(now() - 2e5), acknowledgedBy: 'grace', acknowledgement: 'I take it out of the load balancer', escalatedAt: iso(now() - 3e5) }),
  alertOf(3, 1, 2, { series: 'disk./var/lib/docker.available', value: 7.25, silencedBy: uuid(740) }),
  alertOf(4, 0, 6, { state: 'pending', firedAt: null, value: 91.2, pendingSince: iso(now() - 9e4) }),
  alertOf(5, 0, 0, { clearingSince: iso(now() - 4e4), value: 41 }),
  alertOf(6, 3, 1, { container: 'shop', series: 'container.memory.used', value: 1.7 * 2 ** 30, noDataSince: iso(now() - 3e5) }),
  alertOf(7, 4, 0, { container: 'shop-db', series: 'container.restarts', value: 4 }),
  alertOf(8, 5, 3, { value: 7.4 }),
]
const past = [
  alertOf(10, 0, 5, { state: 'resolved', resolvedAt: iso(now() - 8e6), reason: 'ok', value: 38 }),
  alertOf(11, 3, 1, { container: 'shop-old', series: 'container.memory.used', state: 'resolved', resolvedAt: iso(now() - 8e7), reason: 'gone', value: 1.6 * 2 ** 30 }),
]
const silences = [
  { id: uuid(740), matchers: { rules: [rules[1].id], hosts: { ids: [hosts[2].id], labels: {}, environment: null, clusterId: null }, severities: [] }, startsAt: iso(now() - 1e6), endsAt: iso(now() + 8e7), reason: 'More disks come on Monday', state: 'active' },
  { id: uuid(741), matchers: { rules: [], hosts: { ids: [], labels: { role: 'web' }, environment: 'test', clusterId: null }, severities: ['info', 'warning'] }, startsAt: iso(now() + 1e7), endsAt: iso(now() + 2e7), reason: 'Load test', state: 'scheduled' },
  { id: uuid(743), matchers: { rules: [], hosts: { ids: [], labels: { role: 'db' }, environment: null, clusterId: null }, severities: [] }, startsAt: iso(now() - 1e7), endsAt: iso(now() + 3e10), repeats: { zone: 'Europe/Berlin', weekly: [{ days: ['monday', 'thursday'], from: '22:00', to: '04:00' }] }, occurrence: { from: iso(now() + 3e8), to: iso(now() + 3.2e8) }, reason: 'Backups', state: 'scheduled' },
  { id: uuid(742), matchers: { rules: [], hosts: { ids: [], labels: {}, environment: null, clusterId: null }, severities: [] }, startsAt: iso(now() - 9e8), endsAt: iso(now() - 8e8), reason: 'Move to the new data centre', state: 'ended' },
].map((one) => ({ repeats: null, occurrence: null, ...one, createdBy: 'ada', createdAt: one.startsAt }))
const seriesInfo = [
  ['cpu.total', 'percent'], ['load.1', 'load'], ['memory.used', 'bytes'], ['disk.*.used', 'bytes'], ['disk.*.available', 'bytes'], ['net.*.rxBytes', 'bytesPerSecond'], ['container.cpu', 'percent'], ['container.memory.used', 'bytes'],
].map(([name, unit]) => ({ name, unit, meaning: '' }))
const alertAnswers = { '/alerts/rules': list(rules), '/alerts/receivers': list(receivers), '/alerts/silences': list(silences), '/metrics/series': seriesInfo }

/** What happened in a time: two deployments, a release, alerts that are over and one that fires. */
function annotations(from, to) {
  const at = (part) => iso(from + (to - from) * part)
  const items = [
    { kind: 'deployment', id: deployments[4].id, at: at(0.12), endedAt: at(0.13), application: 'shop', version: '1.4.1', environment: 'default', status: 'success' },
    { kind: 'alert', id: uuid(730), at: at(0.2), endedAt: at(0.36), rule: rules[0].name, container: null, severity: 'critical' },
    { kind: 'release', id: execution.id, at: at(0.42), endedAt: at(0.43), database: 'orders', version: '2.0.0', server: 'orders-prod', status: 'failure' },
    { kind: 'deployment', id: deployments[1].id, at: at(0.7), endedAt: at(0.72), application: 'shop', version: '1.4.4', environment: 'prod', status: 'rolledBack' },
    { kind: 'alert', id: uuid(731), at: at(0.74), endedAt: null, rule: rules[3].name, container: 'shop', severity: 'warning' },
  ]
  return { items, truncated: false }
}

function answer(method, url, signedIn, body, as) {
  const path = url.pathname.replace('/api/v1', '')
  const me = { administers: [], user: { id: uuid(99), username: 'ada', superAdmin: false }, orgs: [org], csrfToken: 'recorded' }
  const host = /^\/hosts\/([^/]+)$/.exec(path)
  if (!signedIn && path !== '/auth/login') return [401, { type: 'unauthenticated', title: 'Not signed in', status: 401, detail: '' }]
  const place = placeAnswer({ method, url, body, as, hosts, me, permissions: { orgId: org.id, role: 'OWNER', operations, objects: {} } })
  if (place) return place
  if (path === '/messages/unread') return [200, { unread: 0 }]
  if (path === '/auth/login') return [200, { csrfToken: 'recorded', user: me.user }]
  if (path === '/auth/logout') return [204]
  if (host) {
    const found = hosts.find((one) => one.id === host[1])
    return found ? [200, found] : [404, { type: 'not-found', title: 'Not found', status: 404, detail: 'no such host' }]
  }
  if (path === '/containers') {
    const search = url.searchParams.get('search') ?? ''
    const state = url.searchParams.get('state')
    return [200, list(fleetContainers.filter((one) => one.name.includes(search) && (!state || one.state === state)))]
  }
  const container = /^\/hosts\/([^/]+)\/containers\/([^/]+)(\/(start|stop|restart))?$/.exec(path)
  if (container) {
    const found = fleetContainers.find((one) => one.hostId === container[1] && one.name === container[2])
    if (!found) return [404, { type: 'not-found', title: 'Not found', status: 404, detail: 'no such container' }]
    return container[3] ? [202, { orderId: uuid(700) }] : [200, found]
  }
  if (path === `/orders/${uuid(700)}`) return [200, { id: uuid(700), kind: 'container', state: 'done', endedAt: iso(now()), error: null }]
  if (path === '/metrics/latest') return [200, fleetValues(hosts)]
  if (path.endsWith('/annotations')) return [200, annotations(Number(url.searchParams.get('from')), Number(url.searchParams.get('to')))]
  if (path.endsWith('/metrics')) return [200, metrics(url, hosts.findIndex((one) => path.includes(one.id)))]
  if (path.endsWith('/containers')) return [200, list(containers)]
  if (path === '/api-keys') return [200, list([{ id: uuid(7), name: 'pipeline', kind: 'deploy', prefix: 'dw_4fT9', username: 'ada', createdAt: iso(now() - 9e8), expiresAt: null, usedAt: iso(now() - 4e6) }])]
  if (path === '/alerts') {
    const view = url.searchParams.get('view')
    return [200, list(view === 'history' ? past : view === 'firing' ? alerts.filter((one) => one.state === 'firing') : alerts)]
  }
  if (alertAnswers[path] && method === 'GET') return [200, alertAnswers[path]]
  const ofFlows = method === 'GET' ? flowAnswers(path, url) : undefined
  if (ofFlows) return [200, ofFlows]
  if (more[path] && method === 'GET') return [200, more[path]]
  if (/^\/(applications|deployments|schema\/[a-z]+|secrets.*|registries)$/.test(path)) return [200, list([])]
  return [404, { type: 'not-found', title: 'Not found', status: 404, detail: path }]
}

const operations = [
  'telemetry:read', 'container:operate', 'containerLog:read', 'host:read', 'host:write', 'host:delete', 'joinToken:write', 'application:read', 'application:write', 'deployment:read',
  'deployment:create', 'deployment:cancel', 'release:read', 'release:propose', 'release:approve', 'release:execute', 'server:read', 'apiKey:read', 'apiKey:write',
  'release:override', 'telemetry:read', 'environment:read', 'environment:write', 'flow:write', 'design:read', 'design:write', 'member:read', 'department:read', 'role:read', 'alert:read', 'alert:silence', 'alert:write',
]

export function recordedAnswers() {
  const plugin = {
    name: 'muster-recorded-answers',
    configureServer(server) {
      server.middlewares.use((request, response, next) => {
        if (!/\/containers\/[^/]+\/log/.test(request.url ?? '')) return next()
        response.writeHead(200, { 'content-type': 'text/event-stream' })
        const search = new URL(request.url, 'http://recorded').searchParams.get('search')?.toLowerCase() ?? ''
        for (let i = 0; i < 60; i++) {
          const text = i % 9 === 4 ? `ERROR upstream answered 502 after ${i * 13} ms, trying again; request=${'4f'.repeat(40)}` : `GET /orders/${1000 + i} 200 ${i} ms token=***`
          const line = { at: iso(now() - (60 - i) * 900), stream: i % 9 === 4 ? 'stderr' : 'stdout', text, cut: i === 40 }
          if (text.toLowerCase().includes(search)) response.write(`id: ${i + 1}\nevent: line\ndata: ${JSON.stringify(line)}\n\n`)
        }
      })
      server.middlewares.use((request, response, next) => setupStream(request, response) || next())
      server.middlewares.use((request, response, next) => {
        if (!/\/deployments\/[^/]+\/log/.test(request.url ?? '')) return next()
        response.writeHead(200, { 'content-type': 'text/event-stream' })
        const lines = ['Pulling team/shop:1.4.4', '3f2a: already exists', '9c1b: pull complete', 'Digest: sha256:ab12…', 'container shop created', 'container shop started']
        response.write(`id: 0\nevent: status\ndata: ${JSON.stringify({ status: 'running', at: iso(now()) })}\n\n`)
        lines.forEach((line, i) => response.write(`id: ${i + 1}\nevent: log\ndata: ${JSON.stringify({ hostId: hosts[0].id, line, at: iso(now() + i * 300) })}\n\n`))
        response.write(`id: 20\nevent: step\ndata: ${JSON.stringify({ hostId: hosts[0].id, position: 6, name: 'health', status: 'failed', detail: 'GET /healthz answered 500', at: iso(now() + 2000) })}\n\n`)
        response.write('event: end\ndata: {}\n\n')
        response.end()
      })
      server.middlewares.use(async (request, response, next) => {
        if (!request.url?.startsWith('/api/')) return next()
        const url = new URL(request.url, 'http://recorded')
        let text = ''
        for await (const piece of request) text += piece
        // Who looks: `recorded-as=super`, `mary` (manages a platform) or `viewer`.
        const as = /recorded-as=(\w+)/.exec(request.headers.cookie ?? '')?.[1]
        const [status, body] = url.pathname.startsWith('/api/v1/setup') ? setupAnswer({ method: request.method, url, body: text ? JSON.parse(text) : undefined }) : answer(request.method, url, request.headers.cookie?.includes('recorded=1'), text ? JSON.parse(text) : undefined, as)
        if (url.pathname.endsWith('/login')) response.setHeader('set-cookie', 'recorded=1; Path=/; HttpOnly')
        if (url.pathname.endsWith('/logout')) response.setHeader('set-cookie', 'recorded=; Path=/; Max-Age=0')
        response.statusCode = status
        response.setHeader('content-type', status < 400 ? 'application/json' : 'application/problem+json')
        response.end(body === undefined ? '' : JSON.stringify(body))
      })
    },
  }
  return { ...plugin, configurePreviewServer: plugin.configureServer }
}
