/**
 * An org with many hosts, which are simulated: `rita` owns it, `sam` may approve, `vera` looks. Made once for each
 * control plane; the hosts last as long as the browser tests.
 */
import assert from 'node:assert/strict'
import { PASSWORD, client } from './cast.mjs'
import { until } from './outside.mjs'
import { simulate } from './simulated.mjs'

const HOSTS = 24
/** So many of them put back whatever they are given. */
const BROKEN = 3

/** Waits until a deployment is as `what` wants it. */
export function deploymentIs(api, id, what) {
  return until(`deployment ${id}`, async () => {
    const seen = await api('GET', `/deployments/${id}`)
    return what(seen) && seen
  })
}
export const ended = (one) => ['success', 'failure', 'cancelled', 'rolledBack'].includes(one.status)

export async function deliveryCast({ base, account, password, simulator, infisical }) {
  const admin = await client(base, account, password)
  const user = (username, nickName) => admin('POST', '/users', { username, password: PASSWORD, nickName, email: `${username}@example.com` })
  const rita = await user('rita', 'Rita Moreau')
  await admin('POST', '/orgs', { name: 'Many hosts', slug: 'many-hosts', ownerId: rita.id })
  const owner = await client(base, 'rita')
  for (const [name, nick, role] of [
    ['sam', 'Sam Okafor', 'ADMIN'],
    ['vera', 'Vera Blum', 'VIEWER'],
  ]) {
    await user(name, nick)
    await owner('POST', '/members', { username: name, role })
  }
  await owner('POST', '/environments', { name: 'live', label: 'Live shop', type: 'production' })
  const fleet = await simulate(simulator, base, 'rita', HOSTS, ['--broken', String(BROKEN)])
  // Two of the broken ones come in the first batch, the third in the second: one too many, so the third never begins.
  const wave = (number, ids) => Promise.all(ids.map((id) => owner('PATCH', `/hosts/${id}`, { labels: { wave: String(number) } })))
  await wave(1, [...fleet.sound.slice(0, 4), ...fleet.broken.slice(0, 2)])
  await wave(2, [...fleet.sound.slice(4, 9), ...fleet.broken.slice(2)])
  const all = { batchSize: '25%', maxFailures: 2, onFailure: 'rollBack', offline: 'fail', orderBy: 'wave' }
  const shop = await owner('POST', '/applications', {
    name: 'shop',
    description: 'What customers see.',
    image: 'team/shop',
    container: { ports: [{ host: 8080, container: 80 }], healthCheck: { type: 'http', port: 80, path: '/healthz' }, limits: { memoryBytes: 268_435_456 } },
    webhookEnvironment: 'test',
    environments: {
      test: { hosts: fleet.sound.slice(0, 4), triggerSpec: { github: { push: { branches: { precise: ['main'], prefix: ['release/'], exclude: { regex: ['.*-wip'] } }, tags: { regex: ['v[0-9.]+'] } } } }, overrides: { container: { name: 'shop-test', limits: { memoryBytes: 134_217_728 } } } },
      prod: { hosts: fleet.sound, rollout: all },
      live: { hosts: fleet.sound, overrides: { container: { name: 'shop-live' } }, approvalRequired: true, rollout: { ...all, pauseAfterFirst: true } },
    },
  })
  // Alerts: two that fire on some hosts, one that is told nobody for a while, and who is told.
  const ops = await owner('POST', '/alerts/receivers', { name: 'On call', kind: 'mail', addresses: ['oncall@example.com'] })
  await owner('POST', '/alerts/receivers', { name: 'Operations chat', kind: 'dingtalk', language: 'zh', url: 'http://127.0.0.1:9/robot/send?access_token=not-one', key: 'not a real one' })
  const watch = (rule) => owner('POST', '/alerts/rules', { forS: 0, ...rule })
  const some = { hosts: { ids: fleet.sound.slice(0, 3) } }
  await watch({ name: 'CPU at work', severity: 'critical', check: { kind: 'threshold', series: 'cpu.total', comparison: 'above', threshold: -1 }, receivers: [ops.id], note: 'Look at the queue first.', ...some })
  const quiet = await watch({ name: 'Memory in use', check: { kind: 'threshold', series: 'memory.used', comparison: 'above', threshold: 0 }, ...some })
  await watch({ name: 'Host is down', severity: 'critical', check: { kind: 'hostDown' } })
  await watch({ name: 'Disks fill up', check: { kind: 'diskFull', hours: 24 }, forS: 600 })
  await owner('POST', '/alerts/silences', { matchers: { rules: [quiet.id] }, endsAt: new Date(Date.now() + 86_400_000).toISOString(), reason: 'More memory comes on Monday.' })
  await until('alerts that fire', async () => (await owner('GET', '/alerts?view=firing')).items.length >= 6)

  await owner('POST', '/registries', { name: 'Nowhere', url: 'http://127.0.0.1:9', authType: 'username-password', username: 'shop', password: 'not a real one' })

  // The catalogue, and what CI says of builds.
  await owner('POST', '/image-words', { kind: 'type', code: 'gateway', name: 'Gateway' })
  const image = await owner('POST', '/images', { name: 'Nginx', image: 'team/nginx', source: 'private', type: 'gateway', url: 'https://nginx.org', description: 'The web server before everything.', usage: 'docker pull team/nginx:1.27\n# Mount the sites at /etc/nginx/conf.d', versions: ['1.26', '1.27'] })
  await owner('POST', '/images', { name: 'PostgreSQL', image: 'team/postgres', source: 'custom', type: 'database', description: 'With our extensions.', status: 'deprecated' })
  const report = (version, build) => owner('PUT', `/applications/${shop.id}/versions/${version}`, build)
  await report('1.1.0', { status: 'built', commit: '4f1c2d7e9ab0', branch: 'main', message: 'Carts keep their order', digest: `sha256:${'4f'.repeat(32)}` })
  await report('1.2.0', { status: 'built', commit: '9b07aa51c3e2', branch: 'main', message: 'Vouchers', url: 'https://ci.example.com/shop/812', log: 'Step 1/9 : FROM node:22\nStep 2/9 : COPY . /app\n…\nSuccessfully tagged team/shop:1.2.0\n' })
  await report('1.3.0-rc1', { status: 'buildFailed', commit: 'c0ffee12', branch: 'next', message: 'Try the new search', log: 'npm error missing script: build\n' })
  await report('1.3.0-rc2', { status: 'building', commit: 'deadbeef', branch: 'next' })
  await owner('PATCH', `/applications/${shop.id}`, { repository: { provider: 'github', repoId: '81200', repoOwner: 'many-hosts', repoName: 'shop' } })

  // Secrets: made here, and from a provider.
  const group = await owner('POST', '/secrets/groups', { name: 'shop', description: 'What the shop needs to start.' })
  const secret = await owner('POST', '/secrets', { groupId: group.id, name: 'DATABASE_URL', value: 'postgres://shop@db/shop', description: 'Main database' })
  await owner('POST', '/secrets', { groupId: group.id, name: 'SESSION_KEY', value: 'a first key' })
  await owner('PATCH', `/secrets/${secret.id}`, { value: 'postgres://shop@db-2/shop' })
  const provider = await owner('POST', '/secrets/providers', { name: 'Our Infisical', url: infisical, clientId: 'muster', clientSecret: 'muster-at-infisical', projectId: 'shop', environment: 'prod', path: '/', intervalS: 3600 })
  const synced = await owner('POST', '/secrets/groups', { name: 'payments', providerId: provider.id })
  await until('the first sync', async () => {
    const run = await owner('POST', `/secrets/groups/${synced.id}/sync`, {}).catch(() => undefined)
    return run?.status === 'success'
  })
  await owner('POST', '/env-vars', { scope: 'org', name: 'LOG_LEVEL', value: 'info' })
  await owner('POST', '/env-vars', { applicationId: shop.id, name: 'LOG_LEVEL', value: 'warn' })
  await owner('POST', '/env-vars', { applicationId: shop.id, environment: 'test', scope: 'environment', name: 'LOG_LEVEL', value: 'debug' })
  await owner('POST', `/applications/${shop.id}/import-secrets`, { groupId: group.id })

  const deploy = async (environment, version) => (await owner('POST', `/applications/${shop.id}/deployments`, { environment, version })).deploymentId
  const first = await deploy('test', '1.0.0')
  assert.equal((await deploymentIs(owner, first, ended)).status, 'success')
  const second = await deploy('test', '1.1.0')
  await deploymentIs(owner, second, ended)
  await deploymentIs(owner, await deploy('prod', '1.0.0'), ended)
  const environments = (await owner('GET', `/applications/${shop.id}`)).environments
  await owner('PATCH', `/applications/${shop.id}`, { environments: { ...environments, prod: { ...environments.prod, hosts: fleet.hosts } } })
  const stopped = await deploy('prod', '1.1.0')
  await deploymentIs(owner, stopped, ended)
  const paused = await deploy('live', '1.1.0')
  const sam = await client(base, 'sam')
  await sam('POST', `/deployments/${paused}/approve`, { comment: 'Tried on test since Monday.' })
  await deploymentIs(owner, paused, (one) => one.phase === 'paused')
  const waiting = await deploy('live', '1.2.0')
  const apply = async (text) => {
    const answer = await fetch(`${base}/api/v1/schema/apply`, { method: 'POST', body: text, headers: { authorization: owner.authorization, 'content-type': 'application/yaml' } })
    assert.ok(answer.ok, `apply: ${answer.status} ${await answer.clone().text()}`)
    return answer.json()
  }
  return { owner, sam, apply, shop, image, group, synced, fleet, deployments: { second, stopped, paused, waiting }, deploy, close: fleet.close }
}
