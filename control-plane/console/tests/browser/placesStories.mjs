/** Hosts and where they belong, instances, database servers, the fleet's keys and the outbox. Told in the org of `deliveryCast.mjs`. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'

const dialog = (page) => page.getByRole('dialog')
const closed = (page) => dialog(page).waitFor({ state: 'detached' })

/** Something of everything that these pages show. */
export async function placesCast({ owner, fleet }) {
  const cluster = await owner('POST', '/clusters', { name: 'frankfurt', description: 'Two racks behind the old load balancer.' })
  await owner('POST', '/clusters', { name: 'lisbon', status: 'disabled' })
  for (const id of fleet.sound.slice(-3)) await owner('PATCH', `/hosts/${id}`, { clusterId: cluster.id, businessStatus: 2 })
  await owner('POST', `/hosts/${fleet.sound[0]}/accounts`, { username: 'root', password: `only-for-pictures-${Date.now()}`, note: 'For the machine’s console, when nothing else helps.' })
  await owner('POST', '/join-tokens', { uses: 25, expiresInS: 86_400, environment: 'live', clusterId: cluster.id, labels: { role: 'web' } })
  const [host] = (await owner('GET', '/hosts?limit=1')).items
  const inDays = (days) => new Date(Date.now() + days * 86_400_000).toISOString()
  const { linked } = await owner('POST', '/instances/import', {
    instances: [
      { provider: 'aliyun', instanceId: 'i-bp1one', instanceName: 'orders', regionId: 'cn-hangzhou', regionName: '华东 1（杭州）', hostname: host.hostname, innerIp: '10.77.0.12', cpu: 8, memory: 16_384, status: 'Running', chargeType: 'PrePaid', expiredTime: inDays(12.4) },
      { provider: 'aws', instanceId: 'i-0f3a9b77c1d2e4f55', regionId: 'eu-central-1', publicIp: '203.0.113.77', cpu: 2, memory: 4096, status: 'Running' },
      { provider: 'aliyun', instanceId: 'i-bp1old', instanceName: 'legacy shop', regionId: 'cn-shanghai', status: 'Stopped', isAvailable: false, expiredTime: inDays(-3.4) },
    ],
  })
  assert.equal(linked, 1)
  const [instance] = (await owner('GET', '/instances?search=orders')).items
  const [server] = (await owner('GET', '/schema/servers?limit=1')).items
  return { cluster, instance, host, server }
}

export function placesPages({ places, fleet }) {
  return [
    ['hosts-many', '/hosts', 'rita'],
    ['hosts-filtered', `/hosts?cluster=${places.cluster.id}&business=2`, 'rita'],
    ['hosts-looked-at', '/hosts', 'vera'],
    ['host-edit', `/hosts/${fleet.sound[0]}/facts?edit=1`, 'rita'],
    ['host-accounts', `/hosts/${fleet.sound[0]}/accounts`, 'rita'],
    ['host-accounts-none', `/hosts/${fleet.sound[1]}/accounts`, 'vera'],
    ['join-tokens', '/join-tokens', 'rita'],
    ['join-tokens-forbidden', '/join-tokens', 'vera'],
    ['clusters', '/clusters', 'rita'],
    ['clusters-none', '/clusters?search=no-such-cluster', 'rita'],
    ['clusters-new', '/clusters?new=1', 'rita'],
    ['clusters-looked-at', '/clusters', 'vera'],
    ['environments', '/environments', 'rita'],
    ['environments-new', '/environments?new=1', 'rita'],
    ['environments-looked-at', '/environments', 'vera'],
    ['instances', '/instances', 'rita'],
    ['instances-none', '/instances?search=no-such-instance', 'rita'],
    ['instances-expired', '/instances?ends=over', 'rita'],
    ['instance', `/instances?instance=${places.instance.id}`, 'rita'],
    ['instance-missing', '/instances?instance=01890000-0000-7000-8000-00000000dead', 'rita'],
    ['instances-import', '/instances?import=1', 'rita'],
    ['instances-looked-at', `/instances?instance=${places.instance.id}`, 'vera'],
    ['databases', '/databases', 'rita'],
    ['databases-none', '/databases?search=no-such-server', 'rita'],
    ['databases-new', '/databases?new=1', 'rita'],
    ['databases-looked-at', '/databases', 'vera'],
    ['drift', '/databases/drift', 'rita'],
    ['set-asides', '/databases/set-aside', 'rita'],
    ['drift-none', '/databases/drift?search=no-such-database', 'rita'],
    ['drift-of', `/databases/drift?database=${places.server.id}/${places.server.databases[0]}`, 'rita'],
    ['drift-looked-at', `/databases/drift?database=${places.server.id}/${places.server.databases[0]}`, 'vera'],
    ['designs-sync', `/designs?do=import&from=${places.server.id}`, 'rita'],
    ['fleet-keys', '/settings/fleet-keys'],
    ['fleet-keys-looked-at', '/settings/fleet-keys', 'rita'],
    ['outbox', '/settings/outbox'],
    ['outbox-none', '/settings/outbox?recipient=nobody%40example.com', 'mary'],
    ['outbox-test', '/settings/outbox?test=1', 'mary'],
    ['outbox-looked-at', '/settings/outbox', 'rita'],
  ]
}

const row = (page, name) => page.getByRole('row', { name: new RegExp(name) })

export const placesStories = {
  'hosts are chosen, moved into a new cluster together, and found there; the cluster stays while they are in it': {
    as: 'rita',
    async run({ page, base, settle, made, look }) {
      const name = `story-${Date.now()}`
      await page.goto(`${base}/clusters?new=1`)
      await settle(page)
      await dialog(page).getByRole('textbox', { name: 'Name' }).fill(name)
      await dialog(page).getByRole('button', { name: 'Create' }).click()
      await row(page, name).waitFor()
      const cluster = (await made.owner('GET', '/clusters?limit=500')).items.find((one) => one.name === name)
      assert.equal(cluster.hostCount, 0)

      const [first, second] = (await made.owner('GET', '/hosts?limit=2')).items
      await page.goto(`${base}/hosts`)
      await settle(page)
      for (const host of [first, second]) await page.getByRole('checkbox', { name: `Choose ${host.name}`, exact: true }).check()
      await page.getByText('2 hosts chosen').waitFor()
      await page.getByRole('button', { name: 'Move or label…' }).click()
      await dialog(page).getByRole('button', { name: 'Change 2 hosts' }).click()
      await page.getByRole('alert').filter({ hasText: 'Nothing is to be changed yet' }).waitFor()
      await dialog(page).getByRole('combobox', { name: 'Cluster' }).selectOption({ label: name })
      await dialog(page).getByRole('textbox', { name: 'Set these labels' }).fill('story=told')
      await dialog(page).getByRole('button', { name: 'Change 2 hosts' }).click()
      await dialog(page).getByText('2 hosts were changed.').waitFor()
      await look(page, 'hosts-bulk-changed')
      await dialog(page).getByRole('button', { name: 'Done' }).click()
      await closed(page)
      const moved = await made.owner('GET', `/hosts/${first.id}`)
      assert.equal(moved.clusterId, cluster.id)
      assert.deepEqual(moved.labels, { ...first.labels, story: 'told' })

      await page.goto(`${base}/clusters?search=${name}`)
      await settle(page)
      await page.getByRole('button', { name: `Delete: ${name}` }).click()
      await dialog(page).getByRole('link', { name: '2 hosts' }).waitFor()
      assert.equal(await dialog(page).getByRole('button', { name: 'Delete' }).count(), 0)
      await dialog(page).getByRole('link', { name: '2 hosts' }).click()
      await page.waitForURL(`${base}/hosts?cluster=${cluster.id}`)
      await page.getByRole('link', { name: second.name, exact: true }).waitFor()
      await page.getByRole('checkbox', { name: 'Choose all on this page' }).check()
      await page.getByRole('button', { name: 'Move or label…' }).click()
      await dialog(page).getByRole('combobox', { name: 'Cluster' }).selectOption({ label: 'No cluster' })
      await dialog(page).getByRole('textbox', { name: 'Take these labels away' }).fill('story')
      await dialog(page).getByRole('button', { name: 'Change 2 hosts' }).click()
      await dialog(page).getByText('2 hosts were changed.').waitFor()
      await dialog(page).getByRole('button', { name: 'Done' }).click()
      await page.getByText('Nothing matches').waitFor()

      await page.goto(`${base}/clusters?search=${name}`)
      await settle(page)
      await page.getByRole('button', { name: `Delete: ${name}` }).click()
      await dialog(page).getByRole('textbox', { name: `Type ${name} to confirm` }).fill(name)
      await page.keyboard.press('Enter')
      await closed(page)
      await page.getByText('Nothing matches').waitFor()
      for (const host of [first, second]) await made.owner('PATCH', `/hosts/${host.id}`, { clusterId: host.clusterId })
    },
  },
  'a host is renamed from its page, and a name that is taken is said': {
    as: 'rita',
    refused: /\b409\b/,
    async run({ page, base, settle, made }) {
      const [first, second] = (await made.owner('GET', '/hosts?limit=500')).items.reverse()
      await page.goto(`${base}/hosts/${first.id}/facts`)
      await settle(page)
      await page.getByRole('button', { name: 'Change', exact: true }).click()
      await dialog(page).getByRole('textbox', { name: 'Name' }).fill(second.name)
      await dialog(page).getByRole('button', { name: 'Save' }).click()
      await page.getByRole('alert').filter({ hasText: 'This name is taken already' }).waitFor()
      await dialog(page).getByRole('textbox', { name: 'Name' }).fill(`${first.name}-story`)
      await dialog(page).getByRole('combobox', { name: 'Use' }).selectOption({ label: 'Maintenance' })
      await dialog(page).getByRole('button', { name: 'Save' }).click()
      await closed(page)
      await page.getByRole('heading', { level: 1, name: `${first.name}-story` }).waitFor()
      await made.owner('PATCH', `/hosts/${first.id}`, { name: first.name, businessStatus: first.businessStatus })
    },
  },
  'an account of a host is entered, its password shown once asked for, and forgotten': {
    as: 'rita',
    refused: /\b409\b/,
    async run({ page, base, settle, made, look }) {
      const [host] = (await made.owner('GET', '/hosts?limit=500')).items.reverse()
      const password = `word-${Date.now()}`
      await page.goto(`${base}/hosts/${host.id}/accounts`)
      await settle(page)
      const enter = async (name) => {
        await page.getByRole('button', { name: 'New account' }).click()
        await dialog(page).getByRole('textbox', { name: 'Account' }).fill(name)
        await dialog(page).getByRole('textbox', { name: 'Password' }).fill(password)
        await dialog(page).getByRole('button', { name: 'Create' }).click()
      }
      await enter('deploy')
      await closed(page)
      await enter('deploy')
      await page.getByRole('alert').filter({ hasText: 'This name is taken already' }).waitFor()
      await page.keyboard.press('Escape')
      await closed(page)
      assert.equal(await page.getByText(password).count(), 0)
      await page.getByRole('button', { name: 'Show: deploy' }).click()
      await dialog(page).getByRole('button', { name: 'Show', exact: true }).click()
      await dialog(page).getByText(password).waitFor()
      await look(page, 'host-account-shown')
      await dialog(page).getByRole('button', { name: 'Close' }).last().click()
      await closed(page)
      assert.equal(await page.getByText(password).count(), 0)
      await page.getByRole('button', { name: 'Remove: deploy' }).click()
      await dialog(page).getByRole('button', { name: 'Remove' }).click()
      await page.getByText('No accounts').waitFor()
    },
  },
  'readings are taken home as a table': {
    async run({ page, base, settle }) {
      const hosts = (await (await page.request.get(`${base}/api/v1/hosts`)).json()).items
      const host = hosts.find((one) => one.latest)
      await page.goto(`${base}/hosts/${host.id}`)
      await settle(page)
      const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Download CSV' }).click()])
      assert.equal(file.suggestedFilename(), `muster-${host.id}.csv`)
      const lines = readFileSync(await file.path(), 'utf8').split('\n')
      assert.match(lines[0], /^time,cpu\.total,/)
      assert.match(lines[1], /^20\d\d-[^,]+Z,[\d.]+,/)
    },
  },
  'an environment is made, moved by keyboard, and deleted by its name': {
    as: 'rita',
    async run({ page, base, settle, made }) {
      const name = `s${Date.now()}`
      const order = async () => (await made.owner('GET', '/environments')).items.map((one) => one.name)
      const before = await order()
      await page.goto(`${base}/environments?new=1`)
      await settle(page)
      await dialog(page).getByRole('textbox', { name: 'Name' }).fill('Not A Slug')
      await dialog(page).getByRole('button', { name: 'Create' }).click()
      await page.getByRole('alert').filter({ hasText: 'lower-case letters' }).waitFor()
      await dialog(page).getByRole('textbox', { name: 'Name' }).fill(name)
      await dialog(page).getByRole('combobox', { name: 'What for' }).selectOption({ label: 'Staging' })
      await dialog(page).getByRole('button', { name: 'Create' }).click()
      await closed(page)
      await page.getByRole('button', { name: `Move ${name} up` }).focus()
      await page.keyboard.press('Enter')
      await page.waitForFunction((wanted) => [...document.querySelectorAll('tbody tr code')].at(-2)?.textContent === wanted, name)
      assert.deepEqual(await order(), [...before.slice(0, -1), name, before.at(-1)])
      // It can be pressed again: the focus is where it was.
      await page.waitForFunction((label) => document.activeElement?.getAttribute('aria-label') === label, `Move ${name} up`)
      await page.getByRole('button', { name: `Delete: ${name}` }).click()
      await dialog(page).getByRole('textbox').fill(name)
      await dialog(page).getByRole('button', { name: 'Delete' }).click()
      await closed(page)
      assert.deepEqual(await order(), before)
    },
  },
  'an environment in use says what refers to it and leads there': {
    as: 'rita',
    async run({ page, base, settle, made }) {
      const shop = (await made.owner('GET', '/applications?limit=100')).items.find((one) => one.name === 'shop')
      const used = Object.keys(shop.environments).at(-1)
      await page.goto(`${base}/environments`)
      await settle(page)
      await page.getByRole('button', { name: `Delete: ${used}`, exact: true }).click()
      assert.equal(await dialog(page).getByRole('button', { name: 'Delete' }).count(), 0)
      await dialog(page).getByRole('link', { name: /^The application / }).first().click()
      await page.waitForURL(/\/applications\/[^/]+\/environments$/)
    },
  },
  'a list of instances is imported when its faults are mended, found, looked at, and one is forgotten': {
    as: 'rita',
    refused: /\b422\b/,
    async run({ page, base, settle, made, look }) {
      const mark = `story${Date.now()}`
      const { host } = made.places
      await page.goto(`${base}/instances?import=1`)
      await settle(page)
      const list = dialog(page).getByRole('textbox', { name: 'List' })
      const send = dialog(page).getByRole('button', { name: 'Import', exact: true })
      const lines = (cpu, end) => ['provider,instance_id,instance_name,hostname,cpu,expired_time', `aws,${mark}-1,${mark} one,${host.hostname},${cpu},`, `aws,${mark}-2,${mark} two,,2,${end}`].join('\n')
      await list.fill(lines('many', 'soon'))
      await send.click()
      const faults = dialog(page).getByRole('alert')
      await faults.getByText('Nothing was imported: 2 faults').waitFor()
      await faults.getByText('Line 2 · cpu').waitFor()
      await faults.getByText('This is no time.').waitFor()
      await look(page, 'instances-faults')
      assert.equal((await made.owner('GET', `/instances?search=${mark}`)).items.length, 0)

      const end = new Date(Date.now() + 12.5 * 86_400_000).toISOString()
      await dialog(page).locator('input[type=file]').setInputFiles({ name: 'list.csv', mimeType: 'text/csv', buffer: Buffer.from(lines('4', end)) })
      await send.click()
      await dialog(page).getByText('2 instances were read').waitFor()
      await dialog(page).getByText('2 are new').waitFor()
      await dialog(page).getByText('1 of all is a host here').waitFor()
      await dialog(page).getByRole('button', { name: 'Close' }).last().click()
      await closed(page)

      await page.getByRole('searchbox', { name: 'Name, id or address' }).fill(mark)
      await row(page, `${mark} two`).getByText('in 12 days').waitFor()
      await page.getByRole('combobox', { name: 'Expires' }).selectOption('30')
      await row(page, `${mark} one`).waitFor({ state: 'detached' })
      await page.getByRole('combobox', { name: 'Expires' }).selectOption('')
      await row(page, `${mark} one`).getByRole('link', { name: host.name }).waitFor()
      await page.getByRole('link', { name: `${mark} two` }).click()
      await dialog(page).getByText(`${mark}-2`).waitFor()
      await dialog(page).getByRole('button', { name: 'Remove' }).click()
      await dialog(page).getByText('The host that it is stays').waitFor()
      await dialog(page).getByRole('button', { name: 'Remove' }).click()
      await row(page, `${mark} two`).waitFor({ state: 'detached' })
      assert.equal((await made.owner('GET', `/instances?search=${mark}`)).items.length, 1)
    },
  },
  'a database server is added, answers a test in plain words, never shows its password, and is removed by its name': {
    as: 'rita',
    refused: /\b502\b/,
    async run({ page, base, settle, made }) {
      const name = `story-${Date.now()}`
      const host = (await made.owner('GET', '/hosts?status=online&limit=1')).items[0]
      await page.goto(`${base}/databases?new=1`)
      await settle(page)
      const field = (label) => dialog(page).getByRole('textbox', { name: label, exact: true })
      await field('Name').fill(name)
      await dialog(page).getByRole('combobox', { name: 'Reached by' }).selectOption(host.id)
      await dialog(page).getByRole('combobox', { name: 'Environment' }).selectOption('test')
      await field('Address').fill('127.0.0.1')
      await field('Port').fill('70000')
      await field('User').fill('release')
      await dialog(page).locator('input[type=password]').fill('not a real one')
      await field('Databases').fill('orders')
      await dialog(page).getByRole('button', { name: 'Add database server' }).click()
      await page.getByRole('alert').filter({ hasText: '65535' }).waitFor()
      await field('Port').fill('9')
      await dialog(page).getByRole('button', { name: 'Add database server' }).click()
      await closed(page)
      await page.getByRole('button', { name: `Test: ${name}` }).click()
      await dialog(page).getByText(/^Connects$|^Does not connect$|gave no answer in time/).waitFor()
      await dialog(page).getByRole('button', { name: 'Done' }).click()
      await page.getByRole('button', { name: `Change: ${name}` }).click()
      assert.equal(await dialog(page).locator('input[type=password]').inputValue(), '')
      assert.ok(!(await page.content()).includes('not a real one'))
      await field('Port').fill('10')
      await dialog(page).getByRole('button', { name: 'Save' }).click()
      await closed(page)
      await row(page, name).getByText('release@127.0.0.1:10').waitFor()
      await page.getByRole('button', { name: `Remove: ${name}` }).click()
      await dialog(page).getByRole('textbox', { name: `Type ${name} to confirm` }).fill(name)
      await dialog(page).getByRole('button', { name: 'Remove' }).click()
      await row(page, name).waitFor({ state: 'detached' })
    },
  },
  'a database is looked at, and what its agent does not answer is said': {
    as: 'rita',
    refused: /\b502\b/,
    async run({ page, base, settle, made }) {
      const { server } = made.places
      await page.goto(`${base}/databases`)
      await page.getByRole('link', { name: 'Drift', exact: true }).click()
      await page.waitForURL(/\/databases\/drift$/)
      await page.getByRole('searchbox').fill(server.label)
      await row(page, server.label).getByText('Not looked at').waitFor()
      await page.getByRole('button', { name: server.databases[0], exact: true }).click()
      await dialog(page).getByText('It was never looked at.').waitFor()
      await settle(page)
      await dialog(page).getByRole('button', { name: 'Look now' }).click()
      await dialog(page).getByRole('alert').filter({ hasText: 'gave no answer in time' }).waitFor()
      await dialog(page).getByRole('button', { name: 'Take into the design…' }).click()
      await page.waitForURL(/\/designs\?/)
      const source = dialog(page).getByRole('combobox', { name: 'From' })
      // It is chosen as soon as the servers are known.
      await source.locator(`option[value='${server.id}']`).waitFor({ state: 'attached' })
      assert.equal(await source.inputValue(), server.id)
      await dialog(page).getByRole('button', { name: 'Compare' }).click()
      await dialog(page).getByText('gave no answer in time').waitFor()
    },
  },
  'a join token says what it gives and can be withdrawn': {
    as: 'rita',
    async run({ page, base, settle, made }) {
      await page.goto(`${base}/join-tokens?add=1`)
      await settle(page)
      await dialog(page).getByRole('combobox', { name: 'Good for' }).selectOption('5')
      await dialog(page).getByRole('combobox', { name: 'Environment' }).selectOption('staging')
      await dialog(page).getByRole('textbox', { name: 'Labels' }).fill('story=told')
      await dialog(page).getByRole('button', { name: 'Make join token' }).click()
      await page.getByRole('region', { name: 'Join command' }).waitFor()
      await dialog(page).getByRole('button', { name: 'Done' }).click()
      const token = row(page, 'story=told')
      await token.getByText('5 of 5').waitFor()
      await token.getByRole('button', { name: /^Withdraw: staging/ }).click()
      await dialog(page).getByRole('button', { name: 'Withdraw' }).click()
      await token.waitFor({ state: 'detached' })
      assert.ok(!(await made.owner('GET', '/join-tokens')).items.some((one) => one.labels.story))
    },
  },
  'rotating a key of the fleet says what happens and needs the key to be typed': {
    async run({ page, base, settle }) {
      await page.goto(`${base}/settings/fleet-keys`)
      await settle(page)
      await page.getByRole('button', { name: 'Rotate: Key for work orders' }).click()
      await dialog(page).getByText('the old one vouches for it').waitFor()
      const confirm = dialog(page).getByRole('button', { name: 'Rotate' })
      assert.ok(await confirm.isDisabled())
      const [id] = /[0-9a-f]{8}/.exec(await dialog(page).getByText(/to confirm/).first().innerText())
      await dialog(page).getByRole('textbox').fill(id)
      assert.ok(await confirm.isEnabled())
      await page.keyboard.press('Escape')
      await closed(page)
    },
  },
  'a test mail arrives, and the outbox tells of it': {
    async run({ page, base, settle, out }) {
      const to = `story${Date.now()}@example.com`
      const began = Date.now()
      await page.goto(`${base}/settings/outbox?test=1`)
      await settle(page)
      await dialog(page).getByRole('textbox', { name: 'E-mail address' }).fill(to)
      await dialog(page).getByRole('button', { name: 'Send' }).click()
      await dialog(page).getByText(`Look into the mailbox of ${to}.`).waitFor()
      await out.mailed(to, /(\S)/, began)
      await dialog(page).getByRole('button', { name: 'Done' }).click()
      await page.getByRole('searchbox', { name: 'Exactly this address' }).fill(to)
      await row(page, to).getByText('Sent', { exact: true }).waitFor()
    },
  },
}
