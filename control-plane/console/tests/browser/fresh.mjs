/**
 * The whole way, on a control plane that nobody has installed: what stops an installation is said, install on PostgreSQL
 * with a connection that breaks in the middle, sign in, make an org, somebody
 * applies by code, is let in, is given a template that is narrowed to one host, and sees that host only: on the page,
 * through the API, and on the stream. Needs
 *   MUSTER_CONSOLE_FRESH_URL       a control plane that waits to be installed
 *   MUSTER_CONSOLE_FRESH_LOG       its output: a person reads the setup token there
 *   MUSTER_CONSOLE_FRESH_DATABASE  postgres://user:password@host:port/name, empty
 *   MUSTER_CONSOLE_TAKEN_DATABASE  another, in whose table `blog` somebody has data
 *   MUSTER_CONSOLE_AGENT           the program muster-agent
 *   MUSTER_CONSOLE_AGENT_DIR       where agents may keep what is theirs
 */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { PASSWORD, client } from './cast.mjs'
import { until } from './outside.mjs'

const OWNER = 'olga'
const GUEST = 'nora'

async function signIn(page, base, login, password, to) {
  await page.goto(`${base}/sign-in`)
  await page.locator('input[autocomplete=username]').fill(login)
  await page.locator('input[autocomplete=current-password]').fill(password)
  await page.keyboard.press('Enter')
  await page.waitForURL(base + to)
}

/** Joins with the command that the page shows, and runs. */
function runAgent(program, dir, command) {
  const flags = [...command.matchAll(/--(server|ca-fingerprint)[ =](\S+)/g)].flatMap((match) => [`--${match[1]}`, match[2]])
  const token = /MUSTER_JOIN_TOKEN=(\S+)/.exec(command)?.[1]
  assert.ok(flags.length === 4 && token, `no join command: ${command}`)
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  writeFileSync(`${dir}/policy.toml`, '', { mode: 0o600 })
  const joined = spawnSync(program, ['join', '--data', `${dir}/data`, ...flags], { encoding: 'utf8', env: { ...process.env, MUSTER_JOIN_TOKEN: token } })
  assert.equal(joined.status, 0, joined.stderr)
  return spawn(program, ['run', '--data', `${dir}/data`, '--policy', `${dir}/policy.toml`, '--docker-host', `unix://${dir}/none.sock`, '--cloud', 'off'], { stdio: 'ignore' })
}

/** The first event of a host's live stream, as the page's own session gets it; or the status of a refusal. */
function firstSample(page, host) {
  return page.evaluate(async (id) => {
    const stop = new AbortController()
    const org = localStorage.getItem('muster.org')
    const answer = await fetch(`/api/v1/hosts/${id}/live?org=${org}`, { signal: stop.signal, headers: { accept: 'text/event-stream' } })
    if (!answer.ok) return answer.status
    const reader = answer.body.getReader()
    let text = ''
    while (!/event: ?sample[\s\S]*\n\n/.test(text)) {
      const { value, done } = await reader.read()
      if (done) break
      text += new TextDecoder().decode(value)
    }
    stop.abort()
    return text
  }, host)
}

export async function fresh({ base, log, database, taken, agent, agentDir, open, settle, look }) {
  const agents = []
  const opened = []
  const another = async () => {
    const one = await open()
    opened.push(one)
    return one.page
  }
  try {
    // Install, as whoever reads the terminal.
    const root = await another()
    await root.goto(base)
    await root.waitForURL(`${base}/install`)
    await settle(root)
    await look(root, 'install')
    const token = await until('the setup token', () => /setup token\s+(\S+)/.exec(readFileSync(log, 'utf8'))?.[1])
    const at = new URL(database)
    const box = (name) => root.getByRole('textbox', { name, exact: false })
    await box('Setup token').fill(`${token}x`)
    await root.getByRole('textbox', { name: 'Account' }).fill('root')
    await root.getByRole('textbox', { name: 'Password' }).first().fill(PASSWORD)
    await root.getByRole('textbox', { name: 'Password again' }).fill(PASSWORD)
    await root.getByText('PostgreSQL', { exact: true }).click()
    await box('Host').fill(at.hostname)
    await box('Port').fill(at.port)
    await root.getByRole('textbox', { name: 'User', exact: false }).fill(decodeURIComponent(at.username))
    await root.getByRole('textbox', { name: 'Password' }).last().fill(decodeURIComponent(at.password))
    await box('Database name').fill('there is none of this name')
    await root.getByRole('button', { name: 'Test connection' }).click()
    await root.getByRole('alert').filter({ hasText: 'This is not the setup token' }).waitFor()
    await box('Setup token').fill(token)
    await root.getByRole('button', { name: 'Test connection' }).click()
    await root.getByRole('alert').filter({ hasText: 'There is no database' }).waitFor()
    await box('Database name').fill(at.pathname.slice(1))
    await root.getByRole('button', { name: 'Test connection' }).click()
    await root.getByText('All tables will be created').waitFor()
    await look(root, 'install-postgres')

    // What is somebody else's stays theirs, and the page says what stopped it, in the reader's language.
    const install = root.getByRole('button', { name: 'Install', exact: true })
    await box('Database name').fill(new URL(taken).pathname.slice(1))
    await install.click()
    const stopped = root.getByRole('alert').filter({ hasText: 'It stopped at: Check what the database holds' })
    await stopped.filter({ hasText: 'blog' }).filter({ hasText: 'It has data and is not Muster’s.' }).waitFor()
    await look(root, 'install-stopped')
    await root.getByRole('button', { name: 'Language' }).click()
    await root.getByRole('menuitemradio', { name: '简体中文' }).click()
    await root.getByRole('alert').filter({ hasText: '停止于：检查数据库现有内容' }).filter({ hasText: '含有数据，且不属于 Muster。' }).waitFor()
    // Whoever comes back finds what they typed, but neither token nor password.
    await root.reload()
    await settle(root)
    const value = (name) => root.getByRole('textbox', { name, exact: false }).first().inputValue()
    assert.deepEqual([await value('Account'), await value('Host'), await value('Port')], ['root', at.hostname, at.port])
    assert.equal(await value('Setup token'), '')
    for (const secret of await root.locator('input[type=password]').all()) assert.equal(await secret.inputValue(), '')
    await box('Setup token').fill(token)
    await root.getByRole('textbox', { name: 'Password' }).first().fill(PASSWORD)
    await root.getByRole('textbox', { name: 'Password again' }).fill(PASSWORD)
    await root.getByRole('textbox', { name: 'Password' }).last().fill(decodeURIComponent(at.password))
    await box('Database name').fill(at.pathname.slice(1))

    // The first connection to the stream breaks: the next one tells everything, or that it is done.
    let broken = 0
    await root.route('**/api/v1/setup/progress*', (route) => ((broken += 1) === 1 ? route.fulfill({ status: 502, body: 'a proxy was restarted' }) : route.continue()))
    await install.click()
    await root.getByRole('heading', { name: 'Muster is installed' }).waitFor()
    assert.ok(broken >= 1, 'the stream never broke')
    await root.getByRole('button', { name: 'Go to sign-in' }).waitFor()
    // It goes there by itself.
    await root.waitForURL(`${base}/sign-in`)

    // Sign in, let two people in, make an org.
    await signIn(root, base, 'root', PASSWORD, '/')
    for (const name of [OWNER, GUEST]) {
      await root.goto(`${base}/admin/users`)
      await root.getByRole('button', { name: 'New user' }).click()
      const dialog = root.getByRole('dialog')
      await dialog.getByRole('textbox', { name: 'User name' }).fill(name)
      await dialog.getByRole('textbox', { name: 'Password' }).fill(PASSWORD)
      await root.keyboard.press('Enter')
      await root.getByRole('row', { name: new RegExp(name) }).waitFor()
    }
    await root.goto(`${base}/admin/orgs?new=1`)
    const making = root.getByRole('dialog')
    await making.getByRole('textbox', { name: 'Name', exact: true }).fill('Acme')
    await making.getByRole('textbox', { name: 'Short name' }).fill('acme')
    await making.getByRole('textbox', { name: 'Owner' }).fill(OWNER)
    await making.getByRole('button', { name: 'Create' }).click()
    await root.getByRole('row', { name: /Acme/ }).waitFor()

    // The owner adds two hosts by what the page says, and opens the entry.
    const owner = await another()
    await signIn(owner, base, OWNER, PASSWORD, '/')
    await owner.goto(`${base}/hosts?add=1`)
    await owner.getByRole('dialog').getByRole('combobox').first().selectOption('5')
    await owner.getByRole('dialog').getByRole('button', { name: 'Make' }).click()
    const command = await owner.getByRole('dialog').locator('pre').innerText()
    for (const name of ['one', 'two']) agents.push(runAgent(agent, `${agentDir}/${name}`, command))
    await owner.getByRole('dialog').getByRole('link').nth(1).waitFor()
    const boss = await client(base, OWNER)
    const hosts = await until('both hosts', async () => {
      const { items } = await boss('GET', '/hosts')
      return items.length === 2 && items.every((one) => one.status === 'online') && items
    })
    // Two agents of one machine have one name: told apart by what the owner calls them.
    for (const [i, host] of hosts.entries()) await boss('PATCH', `/hosts/${host.id}`, { name: `host-${i + 1}` })
    const [seen, hidden] = hosts
    await owner.goto(`${base}/people/joining`)
    await owner.getByRole('button', { name: 'Open the entry' }).click()
    const entry = owner.getByRole('dialog')
    for (const ticked of await entry.getByRole('checkbox', { checked: true }).all()) await ticked.click()
    await entry.getByRole('button', { name: 'Open the entry' }).click()
    const code = (await owner.getByRole('region', { name: 'Entry code' }).innerText()).trim()
    assert.match(code, /^[A-Z2-9]{7}$/)

    // The second user applies.
    const guest = await another()
    await signIn(guest, base, GUEST, PASSWORD, '/welcome')
    await guest.getByRole('textbox', { name: 'Entry code' }).fill(code)
    await guest.getByRole('button', { name: 'Ask to join' }).click()
    await guest.getByRole('list', { name: 'Your requests' }).getByText('Waiting').waitFor()
    await look(guest, 'welcome-waiting')

    // The template: one host, and nothing of the other.
    await owner.goto(`${base}/people/roles/templates`)
    await owner.getByRole('button', { name: 'New template' }).click()
    await owner.getByRole('dialog').getByRole('textbox', { name: 'Name' }).fill('First host')
    await owner.getByRole('dialog').getByRole('button', { name: 'Create' }).click()
    await owner.getByRole('button', { name: 'Choose objects: First host' }).click()
    const scope = owner.getByRole('dialog')
    await scope.getByRole('switch', { name: 'Hosts' }).click()
    await scope.getByRole('checkbox', { name: /host-1/ }).click()
    await look(owner, 'template-one-host')
    await scope.getByRole('button', { name: 'Save' }).click()
    await scope.waitFor({ state: 'detached' })

    // Approved from the message that the owner got, and given the template.
    await owner.goto(`${base}/inbox`)
    await owner.getByRole('listitem').filter({ hasText: `${GUEST} wants to join Acme` }).getByRole('button', { name: 'Review' }).click()
    await owner.waitForURL(`${base}/people/joining`)
    await owner.getByRole('row', { name: new RegExp(GUEST) }).getByRole('button', { name: 'Let in' }).click()
    await owner.getByRole('dialog').getByRole('button', { name: 'Let in' }).click()
    await owner.getByRole('row', { name: new RegExp(GUEST) }).waitFor({ state: 'detached' })
    await owner.goto(`${base}/people`)
    await owner.getByRole('link', { name: GUEST }).click()
    await owner.getByRole('combobox', { name: 'Permission template' }).selectOption({ label: 'First host' })
    await owner.getByRole('button', { name: 'Save permissions' }).click()
    await owner.getByText('It counts from their next request on').waitFor()

    // What they see: on the page …
    await guest.goto(`${base}/inbox`)
    await guest.getByRole('listitem').filter({ hasText: 'You are a member of Acme now' }).getByRole('button', { name: 'Enter' }).click()
    await guest.waitForURL(`${base}/`)
    await guest.goto(`${base}/hosts`)
    await settle(guest)
    assert.deepEqual(await guest.locator('tbody .name a').allInnerTexts(), ['host-1'])
    await look(guest, 'hosts-one-of-two')
    await guest.goto(`${base}/hosts/${hidden.id}`)
    await guest.getByRole('heading', { name: 'There is no such thing' }).waitFor()
    // … through the API …
    const api = await client(base, GUEST)
    assert.deepEqual((await api('GET', '/hosts')).items.map((one) => one.id), [seen.id])
    await assert.rejects(api('GET', `/hosts/${hidden.id}`), /404/)
    await assert.rejects(api('GET', `/hosts/${hidden.id}/metrics?series=cpu.total&from=0&to=1&step=10`), /404/)
    // … and on the stream.
    assert.match(String(await firstSample(guest, seen.id)), /event: ?sample/)
    assert.equal(await firstSample(guest, hidden.id), 404)
    await guest.goto(`${base}/hosts/${seen.id}`)
    await settle(guest)
    await guest.locator('.chart canvas').first().waitFor()
  } finally {
    for (const one of agents) one.kill('SIGTERM')
    for (const { context } of opened) await context.close()
  }
}
