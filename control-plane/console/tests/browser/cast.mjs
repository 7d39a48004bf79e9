/**
 * The people that the pages and stories need: made through the API, once for each control plane. `olga` owns the org,
 * `mary` manages the platform, `nora` and `otto` want to join.
 */
import assert from 'node:assert/strict'

const RENEW_MS = 5 * 60_000
export const PASSWORD = 'four quiet words here'

/** Somebody's calls, with a token of their own. */
export async function client(base, login, password = PASSWORD, org) {
  const call = async (method, path, data, headers = {}) => {
    const answer = await fetch(`${base}/api/v1${path}`, {
      method,
      body: data === undefined ? undefined : JSON.stringify(data),
      headers: { ...(data === undefined ? {} : { 'content-type': 'application/json' }), ...(org ? { 'muster-org': org } : {}), ...headers },
    })
    const text = await answer.text()
    assert.ok(answer.ok, `${login}: ${method} ${path}: ${answer.status} ${text}`)
    return text ? JSON.parse(text) : undefined
  }
  let tokens = await call('POST', '/auth/login', { login, password })
  // An access token lasts for a quarter of an hour, and on a slow machine the stories take longer.
  const renew = async () => {
    tokens = await call('POST', '/auth/refresh', { refreshToken: tokens.refreshToken })
  }
  // Whose session has ended by then needs none.
  setInterval(() => renew().catch(() => {}), RENEW_MS).unref()
  const bearer = () => `Bearer ${tokens.accessToken}`
  const asked = (method, path, data) => call(method, path, data, { authorization: bearer() })
  return Object.defineProperty(asked, 'authorization', { get: bearer })
}

export async function cast(base, account, password) {
  const admin = await client(base, account, password)
  const known = await admin('GET', '/members?search=olga')
  if (known.items.length) return
  const user = (username, nickName, more = {}) => admin('POST', '/users', { username, password: PASSWORD, nickName, ...more })
  const olga = await user('olga', 'Olga Brandt', { email: 'olga@example.com', mobile: '+4915112345678' })
  const ids = { olga: olga.id }
  await admin('POST', '/members', { username: 'olga', role: 'OWNER' })
  for (const [name, nick, role] of [
    ['ann', 'Ann Keller', 'ADMIN'],
    ['wei', '陈伟', 'MEMBER'],
    ['mia', 'Mia Larsson', 'MEMBER'],
    ['vic', 'Victor Osei', 'VIEWER'],
  ]) {
    ids[name] = (await user(name, nick, { email: `${name}@example.com` })).id
    await admin('POST', '/members', { username: name, role })
  }

  const owner = await client(base, 'olga')
  const { code } = await owner('PUT', '/org/entry', { fields: ['email', 'nickName'] })
  for (const [name, nick] of [
    ['nora', 'Nora Lindt'],
    ['otto', 'Otto Braun'],
  ]) {
    ids[name] = (await user(name, nick, { email: `${name}@example.com` })).id
    await (await client(base, name))('POST', '/join-requests', { code })
  }
  await owner('POST', `/join-requests/${ids.otto}/reject`, { reason: 'Which team are you in? Say it in your display name.' })
  await owner('POST', '/invitations', { email: 'lee@example.com', role: 'MEMBER' })
  await owner('POST', '/invitations', { role: 'VIEWER', expiresInDays: 1 })
  await (await client(base, 'ann'))('PATCH', '/org', { description: 'Runs the shop and what is behind it.', contact: 'Olga Brandt' })

  const host = (await owner('GET', '/hosts?limit=1')).items[0]
  const template = await owner('POST', '/permission-templates', {
    name: 'One host',
    description: 'Sees one machine and deploys to it.',
    operations: ['deployment:create'],
    objects: host ? { hosts: [host.id] } : {},
  })
  const role = await owner('POST', '/roles', { code: 'on-call', name: 'On call', operations: ['deployment:create', 'deployment:cancel', 'release:execute'] })
  await owner('PUT', `/members/${ids.mia}/permissions`, { roleId: role.id, templateId: template.id, operations: ['audit:read'] })

  const top = await owner('POST', '/departments', { name: 'Engineering', headId: ids.ann, memberIds: [ids.ann] })
  const below = await owner('POST', '/departments', { name: 'Platform', parentId: top.id, headId: ids.wei, memberIds: [ids.wei, ids.mia] })
  await owner('POST', '/departments', { name: 'On call', parentId: below.id, memberIds: [ids.mia] })
  await owner('POST', '/departments', { name: '产品', memberIds: [ids.vic] })

  const shop = await admin('POST', '/platforms', { code: 'shop', name: 'Shop' })
  const home = (await admin('GET', '/platforms')).items.find((one) => one.code === 'default')
  const module = await admin('POST', `/platforms/${home.id}/modules`, { name: 'Invoices' })
  for (const [operation, name] of [
    ['invoice:read', 'read invoices'],
    ['invoice:pay', 'pay invoices'],
  ]) {
    await admin('POST', `/platforms/${home.id}/operations`, { moduleId: module.id, code: operation, name })
  }
  await admin('POST', `/platforms/${home.id}/roles`, { code: 'clerk', name: 'Clerk', operations: ['invoice:read'] })
  ids.mary = (await user('mary', 'Mary Stone')).id
  await admin('POST', '/administrators', { userId: ids.mary, platformId: home.id, kind: 'manager' })
  await admin('POST', '/administrators', { userId: ids.vic, platformId: shop.id, kind: 'operator' })
}
