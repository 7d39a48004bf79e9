/** Recorded answers about hosts and where they belong, database servers, the fleet's keys and the outbox; they remember. */
import { paged } from './recordedFleet.mjs'

const now = () => Date.now()
const iso = (ms) => new Date(ms).toISOString()
const uuid = (n) => `01890000-0000-7000-8000-${String(n).padStart(12, '0')}`
const DAY = 86_400_000
const list = (items) => ({ items, nextCursor: null })
const problem = (status, type, detail, more = {}) => [status, { type, title: detail, status, detail, ...more }]
let made = 5000

const clusters = [
  { id: uuid(801), name: 'frankfurt', description: 'Two racks in FRA-3, behind the old load balancer.', status: 'active' },
  { id: uuid(802), name: 'singapore', description: '', status: 'active' },
  { id: uuid(803), name: '上海旧机房', description: '迁移完成后下线', status: 'disabled' },
].map((one, i) => ({ ...one, createdAt: iso(now() - 90 * DAY), updatedAt: iso(now() - i * 9 * DAY) }))
const environments = [
  ['dev', 'Development', 'development'],
  ['test', 'Test', 'testing'],
  ['staging', 'Staging', 'staging'],
  ['prod', 'Production', 'production'],
  ['idle', 'Nobody is here', 'testing'],
].map(([name, label, type], order) => ({ id: uuid(810 + order), name, label, type, order, createdAt: iso(now() - 90 * DAY), updatedAt: iso(now() - 20 * DAY) }))
const tokens = [
  { id: uuid(821), uses: 25, usesLeft: 19, environment: 'prod', clusterId: uuid(801), labels: { role: 'web', 'app.kubernetes.io/part-of': 'shop' }, createdBy: 'ada' },
  { id: uuid(822), uses: 1, usesLeft: 1, environment: null, clusterId: null, labels: {}, createdBy: 'grace' },
].map((one, i) => ({ ...one, expiresAt: iso(now() + (i ? 40 * 60_000 : 6 * DAY)), createdAt: iso(now() - 20 * 60_000) }))
const server = (n, more) => ({ id: uuid(n), port: 5432, environment: 'prod', type: 'Postgres', username: 'muster', databases: ['orders'], lockTimeoutMs: 10_000, statementTimeoutMs: 1_800_000, test: null, createdAt: iso(now() - 80 * DAY), updatedAt: iso(now() - 3 * DAY), ...more })
const servers = [
  server(600, { label: 'orders-prod', ip: '10.0.0.12', hostId: uuid(3), databases: ['orders', 'billing', 'stock', 'audit', 'reports'], test: { at: iso(now() - 2 * DAY), ok: true, detail: 'PostgreSQL 15.14 (Debian 15.14-1.pgdg120+1)' } }),
  server(601, { label: 'orders-test', ip: 'db-test.acme.internal', hostId: uuid(4), environment: 'test', test: { at: iso(now() - 300_000), ok: false, detail: 'connection refused: nothing listens at db-test.acme.internal:5432' } }),
  server(602, { label: 'legacy-shop', ip: '10.0.4.7', port: 3306, hostId: uuid(7), environment: 'test', type: 'MySQL', databases: ['shop'] }),
]
const hex = (seed) => [...Array(64)].map((_, i) => ((seed * 7 + i * 13) % 16).toString(16)).join('')
const key = (seed, state, more) => ({ id: hex(seed), state, since: iso(now() - seed * DAY), expiresAt: null, believers: 7, certificates: 0, ...more })
const keys = {
  hosts: 7,
  ca: [key(9, 'gone', { id: `sha256:${hex(9)}`, believers: 0, expiresAt: iso(now() + 900 * DAY) }), key(3, 'previous', { id: `sha256:${hex(3)}`, certificates: 2, expiresAt: iso(now() + 3000 * DAY) }), key(2, 'current', { id: `sha256:${hex(2)}`, believers: 6, certificates: 5, expiresAt: iso(now() + 3600 * DAY) })],
  signing: [key(8, 'current', {})],
}
const letter = (n, more) => ({ id: uuid(n), kind: 'mail', language: 'en', platformId: uuid(50), template: 'code', attempts: 1, lastError: '', createdAt: iso(now() - n * 1000), expiresAt: iso(now() + 900_000), nextAttemptAt: iso(now() + 30_000), endedAt: null, ...more })
const letters = [
  letter(901, { recipient: 'wei@acme.example', state: 'waiting', attempts: 3, lastError: 'the mail server at mail.acme.internal:587 does not answer' }),
  letter(902, { recipient: 'mia@acme.example', state: 'dead', template: 'invitation', attempts: 9, lastError: '550 5.1.1 <mia@acme.example>: Recipient address rejected: User unknown in virtual mailbox table', endedAt: iso(now() - 60_000) }),
  letter(903, { recipient: '+4915112345678', state: 'sent', kind: 'sms', endedAt: iso(now() - 800_000) }),
  letter(904, { recipient: '运维群', state: 'sent', kind: 'hook', template: 'alert', platformId: null, endedAt: iso(now() - 900_000) }),
]
const people = new Map([
  ['super', { user: { id: null, username: 'root', superAdmin: true } }],
  ['mary', { user: { id: uuid(98), username: 'mary', superAdmin: false }, administers: [{ platformId: uuid(50), kind: 'manager' }] }],
])
/** What a viewer may. */
const LOOKS = ['host:read', 'cluster:read', 'environment:read', 'server:read', 'application:read', 'deployment:read', 'release:read', 'telemetry:read']
const MORE = ['cluster:read', 'cluster:write', 'environment:write', 'joinToken:read', 'server:write']

function change(all, id, patch) {
  const found = all.find((one) => one.id === id)
  if (!found) return problem(404, 'not-found', 'no such thing')
  return [200, Object.assign(found, patch, { updatedAt: iso(now()) })]
}
function drop(all, id) {
  const at = all.findIndex((one) => one.id === id)
  if (at < 0) return problem(404, 'not-found', 'no such thing')
  all.splice(at, 1)
  return [204]
}
function make(all, fields) {
  const one = { id: uuid((made += 1)), ...fields, createdAt: iso(now()), updatedAt: iso(now()) }
  all.push(one)
  return [201, one]
}

const countOf = (hosts) => (one) => ({ ...one, hostCount: hosts.filter((host) => host.clusterId === one.id).length })

/** The last host refuses its first change, so that a failure can be seen. */
function changeHost(hosts, id, patch) {
  if (id === hosts[6].id && !hosts[6].refused) {
    hosts[6].refused = true
    return problem(409, 'name-taken', 'a host of this name exists already')
  }
  if (hosts.some((one) => one.id !== id && one.name === patch.name)) return problem(409, 'name-taken', 'a host of this name exists already')
  return change(hosts, id, patch)
}

function makeToken(body) {
  const made = make(tokens, { uses: 1, ...body, usesLeft: body.uses ?? 1, expiresAt: iso(now() + (body.expiresInS ?? 3_600) * 1000), createdBy: 'ada' })[1]
  const command = 'muster-agent join --data /var/lib/muster-agent --server muster.acme.internal:8441 --ca-fingerprint sha256:9f2c1a77c0ffee00d15ea5e9f2c1a77c0ffee00d15ea5e9f2c1a77c0ffee00d1 --token mjt_4t9Zq1YkVb'
  return [201, { id: made.id, token: 'mjt_4t9Zq1YkVb', caFingerprint: 'sha256:9f2c', server: 'muster.acme.internal:8441', command, expiresAt: made.expiresAt }]
}

/** To whoever is called no one, nothing is delivered. */
function testLetter({ to }) {
  const refused = to.startsWith('no')
  letters.unshift(letter((made += 1), { recipient: to, state: refused ? 'waiting' : 'sent', template: 'test', lastError: refused ? '550 no such mailbox' : '', endedAt: refused ? null : iso(now()) }))
  return [200, letters[0]]
}

function keysAfter(path, body) {
  const [, kind, step] = /^\/keys\/(ca|signing)\/(rotate|advance|retire)$/.exec(path)
  const all = keys[kind]
  const in_ = (state) => all.find((one) => one.state === state)
  if (step === 'retire' && in_('previous')?.certificates && !body.force) return problem(409, 'still-needed', 'hosts still have a certificate of the older CA')
  if (step === 'retire') Object.assign(in_('previous'), { state: 'gone', since: iso(now()), believers: 0, certificates: 0 })
  if (step === 'advance') {
    Object.assign(in_('current'), { state: 'previous', since: iso(now()) })
    Object.assign(in_('next'), { state: 'current', since: iso(now()) })
  }
  if (step === 'rotate') {
    if (kind === 'signing') in_('current').state = 'previous'
    all.push(key((made += 1), kind === 'ca' ? 'next' : 'current', { id: kind === 'ca' ? `sha256:${hex(made)}` : hex(made), since: iso(now()), believers: 3, expiresAt: kind === 'ca' ? iso(now() + 3650 * DAY) : null }))
  }
  return [200, keys]
}

const bindingTypes = [['email', 'E-mail'], ['gitee', 'Gitee'], ['github', 'GitHub'], ['mobile', 'Mobile'], ['oidc', 'OpenID Connect']].map(([code, name], i) => ({ id: uuid(970 + i), code, name, icon: '' }))
function putBindingType(code, { name, icon }) {
  const found = bindingTypes.find((one) => one.code === code) ?? bindingTypes[bindingTypes.push({ id: uuid((made += 1)), code }) - 1]
  return [200, Object.assign(found, { name, icon: icon ?? '' })]
}
const instance = (n, more) => ({ id: uuid(n), hostId: null, hostName: null, provider: 'aliyun', instanceId: `i-bp1${n}`, instanceName: '', regionId: 'cn-hangzhou', regionName: '华东 1（杭州）', hostname: '', innerIp: '', publicIp: '', imageId: '', cpu: null, memory: null, osName: '', osType: 'linux', status: 'Running', isAvailable: true, chargeType: 'PrePaid', createTime: iso(now() - 400 * DAY), expiredTime: null, createdAt: iso(now() - 30 * DAY), updatedAt: iso(now() - 2 * DAY), zoneId: '', instanceType: '', sources: { chargeType: 'imported' }, differs: [], tags: {}, claimedBy: [], ...more })
const claim = (n, hostName) => ({ hostId: uuid(n), hostName, toldAt: iso(now() - 3 * DAY) })
const instances = [
  instance(951, { instanceName: 'db-primary', hostId: uuid(3), hostName: 'db-primary', innerIp: '10.0.0.12', cpu: 8, memory: 16_384, osName: 'Debian 12', expiredTime: iso(now() + 12.4 * DAY) }),
  instance(952, { instanceName: 'edge-ams-1', provider: 'aws', instanceId: 'i-0f3a9b77c1d2e4f55', regionId: 'eu-central-1', regionName: '', hostId: uuid(1), hostName: 'edge-ams-1', publicIp: '203.0.113.9', innerIp: '172.31.4.9', zoneId: 'eu-central-1a', instanceType: 't3.large', chargeType: 'spot', sources: { instanceName: 'byHand', publicIp: 'imported', innerIp: 'metadata', zoneId: 'metadata', instanceType: 'metadata', chargeType: 'metadata' }, differs: [{ field: 'publicIp', metadata: '203.0.113.77' }], tags: { team: 'edge' }, claimedBy: [claim(1, 'edge-ams-1'), claim(6, 'web-01')] }),
  instance(953, { instanceName: '旧订单数据库', innerIp: '10.0.4.7', cpu: 4, memory: 8_192, status: 'Stopped', isAvailable: false, expiredTime: iso(now() - 3.2 * DAY) }),
  instance(954, { cpu: 16, memory: 65_536, innerIp: '10.0.9.1', expiredTime: iso(now() + 400 * DAY) }),
  instance(955, { instanceName: 'web-01', provider: 'tencent', instanceId: 'ins-7c2k9d1q', regionId: 'ap-singapore', regionName: 'Singapore', hostId: uuid(6), hostName: 'web-01', publicIp: '198.51.100.4', cpu: 4, memory: 8_192, expiredTime: iso(now() + 74 * DAY) }),
]

/** Takes a list whose CSV has no `bad` in it. */
function importList({ csv, instances: list }) {
  const fault = (field, code, params = {}) => ({ field, code, params, message: code })
  if (csv?.includes('bad')) return problem(422, 'invalid', 'the input is not valid', { errors: [fault('line 2: cpu', 'range', { least: 0, most: 4294967295 }), fault('line 3: instanceid', 'needed'), fault('line 3: innerIp', 'ip'), fault('line 4: instanceId', 'twice'), fault('line 7: expiredtime', 'time')] })
  const rows = list ?? csv.trim().split('\n').slice(1).map((line) => ({ provider: line.split(',')[0], instanceId: line.split(',')[1] }))
  const fresh = rows.filter((one) => !instances.some((known) => known.instanceId === one.instanceId))
  for (const one of fresh) instances.push(instance((made += 1), one))
  return [200, { created: fresh.length, updated: 0, unchanged: rows.length - fresh.length, linked: 0 }]
}

function instanceAnswer(method, path, query, body) {
  if (path === '/instances/import') return importList(body)
  const id = path.split('/')[2]
  if (id && method === 'DELETE') return drop(instances, id)
  if (id && method === 'PATCH') return [200, Object.assign(instances.find((one) => one.id === id), body)]
  if (id) return instances.some((one) => one.id === id) ? [200, instances.find((one) => one.id === id)] : problem(404, 'not-found', 'no such instance')
  const passes = (one) =>
    (!query('hostId') || one.hostId === query('hostId') || one.claimedBy.some((claim) => claim.hostId === query('hostId'))) &&
    (!query('provider') || one.provider === query('provider')) &&
    (!query('region') || one.regionId === query('region')) &&
    (!query('expiresBefore') || (one.expiredTime && one.expiredTime < query('expiresBefore'))) &&
    [one.instanceName, one.instanceId, one.innerIp, one.publicIp].some((text) => text.toLowerCase().includes((query('search') ?? '').toLowerCase()))
  return [200, list(instances.filter(passes))]
}

const THINGS = [
  [/^\/clusters(?:\/([^/]+))?$/, clusters],
  [/^\/environments(?:\/([^/]+))?$/, environments],
  [/^\/schema\/servers(?:\/([^/]+))?$/, servers],
]

/** The answer, or nothing: somebody else has it. `as` is who asks. */
export function placeAnswer({ method, url, body, as, hosts, me, permissions }) {
  const path = url.pathname.replace('/api/v1', '')
  const query = (name) => url.searchParams.get(name)
  if (path === '/me') return [200, { ...me, ...people.get(as) }]
  if (path === '/me/permissions') return [200, { ...permissions, operations: as === 'viewer' ? LOOKS : [...permissions.operations, ...MORE], allOwnOperations: as !== 'viewer' }]
  const host = /^\/hosts\/([^/]+)$/.exec(path)
  if (host && method === 'PATCH') return changeHost(hosts, host[1], body)
  if (path === '/hosts' && method === 'GET') {
    const labels = (query('label') ?? '').split(',').filter(Boolean).map((pair) => pair.split('='))
    const passes = (one) =>
      one.name.includes(query('search') ?? '') &&
      ['status', 'environment'].every((name) => !query(name) || one[name] === query(name)) &&
      (!query('cluster') || one.clusterId === query('cluster')) &&
      (!query('businessStatus') || one.businessStatus === Number(query('businessStatus'))) &&
      labels.every(([name, value]) => one.labels[name] === value)
    return [200, paged(hosts.filter(passes), url)]
  }
  if (path === '/binding-types') return [200, { items: bindingTypes }]
  if (path.startsWith('/binding-types/')) return putBindingType(path.split('/')[2], body)
  if (path === '/instances' || path.startsWith('/instances/')) return instanceAnswer(method, path, query, body)
  if (path === '/join-tokens' && method === 'POST') return makeToken(body)
  if (path === '/join-tokens' && method === 'GET') return [200, list(tokens)]
  const token = /^\/join-tokens\/([^/]+)$/.exec(path)
  if (token) return drop(tokens, token[1])
  if (path === '/keys') return [200, keys]
  if (path.startsWith('/keys/')) return keysAfter(path, body)
  if (path === '/outbox/state') return [200, { mailConfigured: true, smsConfigured: false, waiting: 1, dead: letters.filter((one) => one.state === 'dead').length, oldestWaitingAt: iso(now() - 400_000), lastSentAt: iso(now() - 800_000), lastError: letters[0].lastError }]
  if (path === '/outbox/test') return testLetter(body)
  if (path === '/outbox') return [200, list(letters.filter((one) => (!query('state') || one.state === query('state')) && (!query('recipient') || one.recipient === query('recipient'))))]
  const again = /^\/outbox\/([^/]+)\/retry$/.exec(path)
  if (again) return change(letters, again[1], { state: 'waiting', attempts: 0, endedAt: null })
  const test = /^\/schema\/servers\/([^/]+)\/test$/.exec(path)
  if (test) {
    const found = servers.find((one) => one.id === test[1])
    if (found.hostId === uuid(4)) return problem(502, 'upstream', "the host's agent gave no answer in time: is it online?")
    found.test = { at: iso(now()), ok: true, detail: found.type === 'MySQL' ? '10.11.14-MariaDB-0+deb12u2' : 'PostgreSQL 15.14' }
    return [200, found.test]
  }
  for (const [pattern, all] of THINGS) {
    const found = pattern.exec(path)
    if (!found) continue
    if (method === 'POST') {
      if (all.some((one) => one.name && one.name === body.name)) return problem(409, 'name-taken', 'this name exists already')
      return make(all, { label: body.name, port: 5432, test: null, ...body, password: undefined })
    }
    if (method === 'PATCH') return change(all, found[1], { ...body, password: undefined })
    if (method === 'DELETE') return drop(all, found[1])
    const shown = all === clusters ? all.map(countOf(hosts)) : all === environments ? [...all].sort((a, b) => a.order - b.order) : all
    return [200, found[1] ? shown.find((one) => one.id === found[1]) : list(shown)]
  }
  return undefined
}

/** What hosts have besides. */
export function placed(host, i) {
  return { ...host, clusterId: [uuid(801), uuid(802), uuid(801), null, null, uuid(801), uuid(801)][i], businessStatus: [1, 1, 1, 2, 0, 1, 33][i], publicIp: i === 0 ? '203.0.113.9' : null }
}
