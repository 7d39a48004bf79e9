/** What a person does with the console. Each begins on a page of its own, signed in unless it says otherwise. */
import assert from 'node:assert/strict'
import { PASSWORD, client } from './cast.mjs'

/** The first host's page with its charts drawn. */
async function hostPage(tools) {
  const { page, base, settle } = tools
  const host = await first(tools, '/hosts?limit=1')
  await page.goto(`${base}/hosts/${host.id}`)
  await settle(page)
  await page.locator('.chart canvas').first().waitFor()
  return host
}

/** Calls the API as the person who is signed in. */
async function call({ page, base }, method, path, data) {
  const { csrfToken } = await (await page.request.get(`${base}/api/v1/me`)).json()
  const answer = await page.request.fetch(`${base}/api/v1${path}`, { method, data, headers: { 'x-csrf-token': csrfToken } })
  assert.ok(answer.ok(), `${method} ${path}: ${answer.status()} ${await answer.text()}`)
  return answer.status() === 204 ? undefined : answer.json()
}

/** A new person of the org, signed in on a page of their own. */
async function signInAs(tools, role, path) {
  const { base, settle, another } = tools
  const username = `${role.toLowerCase()}${Date.now()}`
  const password = `a long enough one ${Date.now()}`
  await call(tools, 'POST', '/users', { username, password })
  await call(tools, 'POST', '/members', { username, role })
  const { page, context } = await another()
  await page.goto(base + path)
  await page.locator('input[autocomplete=username]').fill(username)
  await page.locator('input[autocomplete=current-password]').fill(password)
  await page.keyboard.press('Enter')
  await page.waitForURL(base + path)
  await settle(page)
  return { page, context }
}

async function signInWith(page, base, login, path) {
  await page.goto(base + path)
  await page.locator('input[autocomplete=username]').fill(login)
  await page.locator('input[autocomplete=current-password]').fill(PASSWORD)
  await page.keyboard.press('Enter')
  await page.waitForURL(base + path)
}

/** The first thing of a list. A story whose subject is missing has failed: nothing was shown. */
async function first({ page, base }, path) {
  const answer = await page.request.get(`${base}/api/v1${path}`)
  assert.ok(answer.ok(), `GET ${path}: ${answer.status()}`)
  const thing = (await answer.json()).items[0]
  assert.ok(thing, `there is nothing at ${path} to tell the story with`)
  return thing
}

export const stories = {
  'a wrong password is refused without saying which half is wrong': {
    signedOut: true,
    async run({ page, base, account }) {
      await page.goto(`${base}/hosts`)
      await page.locator('input[autocomplete=username]').fill(account)
      await page.locator('input[autocomplete=current-password]').fill('not the password')
      await page.keyboard.press('Enter')
      await page.getByRole('alert').filter({ hasText: 'Account or password is wrong' }).waitFor()
      assert.equal(await page.locator('input[autocomplete=current-password]').inputValue(), '')
    },
  },
  'signing in leads to the page that was asked for and a reload keeps the session': {
    signedOut: true,
    async run({ page, base, account, password, settle }) {
      await page.goto(`${base}/hosts?status=online`)
      await page.locator('input[autocomplete=username]').fill(account)
      await page.keyboard.press('Tab')
      await page.keyboard.type(password)
      await page.keyboard.press('Enter')
      await page.waitForURL(`${base}/hosts?status=online`)
      await page.reload()
      await settle(page)
      assert.equal(new URL(page.url()).pathname, '/hosts')
      const stored = await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }) + document.cookie)
      assert.ok(!stored.includes(password))
      assert.ok(!/eyJ|csrf/i.test(stored), 'script can read a credential')
    },
  },
  'signing out ends the session': {
    signedOut: true,
    async run({ page, base, account, password, settle }) {
      await page.goto(`${base}/`)
      await page.locator('input[autocomplete=username]').fill(account)
      await page.locator('input[autocomplete=current-password]').fill(password)
      await page.keyboard.press('Enter')
      await settle(page)
      await page.getByRole('button', { name: /Account:/ }).click()
      await page.getByRole('menuitem', { name: 'Sign out' }).click()
      await page.waitForURL(/sign-in/)
      await page.goto(`${base}/hosts`)
      await page.waitForURL(/sign-in/)
    },
  },
  'the search opens with a slash and goes to a page by keyboard alone': {
    async run({ page, base, settle }) {
      await page.goto(`${base}/`)
      await settle(page)
      await page.keyboard.press('/')
      await page.getByRole('combobox', { name: 'Search' }).waitFor()
      await page.keyboard.type('hosts')
      await page.keyboard.press('Enter')
      await page.waitForURL(`${base}/hosts`)
      await page.keyboard.press('Control+k')
      await page.getByRole('combobox', { name: 'Search' }).waitFor()
      await page.keyboard.press('Escape')
      await page.getByRole('combobox', { name: 'Search' }).waitFor({ state: 'detached' })
    },
  },
  'language and theme change at once and are remembered': {
    async run({ page, base, settle }) {
      await page.goto(`${base}/settings`)
      await settle(page)
      await page.getByRole('button', { name: 'Language' }).click()
      await page.getByRole('menuitemradio', { name: '简体中文' }).click()
      await page.getByRole('heading', { name: '设置', level: 1 }).waitFor()
      assert.equal(await page.evaluate(() => document.documentElement.lang), 'zh-CN')
      assert.equal(await page.evaluate(() => localStorage.getItem('muster.locale')), 'zh-CN')
      await page.getByRole('button', { name: '主题' }).click()
      await page.getByRole('menuitemradio', { name: '深色' }).click()
      assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), 'dark')
    },
  },
  'adding a host shows a command to copy': {
    async run({ page, base, settle }) {
      await page.goto(`${base}/hosts`)
      await settle(page)
      await page.getByRole('button', { name: 'Add host' }).first().click()
      await page.getByRole('dialog', { name: 'Add a host' }).waitFor()
      await page.getByRole('button', { name: 'Make join token' }).click()
      const command = page.getByRole('region', { name: 'Join command' })
      await command.waitFor()
      assert.match(await command.innerText(), /muster-agent join .*--ca-fingerprint sha256:/)
      await page.keyboard.press('Escape')
      await page.getByRole('dialog').waitFor({ state: 'detached' })
    },
  },
  'dragging over a chart zooms all of them and a double click goes back': {
    async run(tools) {
      const { page } = tools
      await hostPage(tools)
      const over = page.locator('.chart .u-over').first()
      const box = await over.boundingBox()
      const y = box.y + box.height / 2
      await page.mouse.move(box.x + box.width * 0.3, y)
      await page.mouse.down()
      await page.mouse.move(box.x + box.width * 0.6, y, { steps: 6 })
      await page.mouse.up()
      await page.waitForURL(/zoom=\d+-\d+/)
      await page.getByRole('button', { name: 'Back to the whole range' }).waitFor()
      await page.locator('.chart .u-over').first().dblclick()
      await page.waitForURL((url) => !url.search.includes('zoom'))
    },
  },
  'the crosshair is shared and moves by keyboard': {
    async run(tools) {
      const { page } = tools
      await hostPage(tools)
      const box = await page.locator('.chart .u-over').first().boundingBox()
      await page.mouse.move(box.x + box.width * 0.5, box.y + box.height / 2)
      await page.waitForFunction(() => {
        const times = [...document.querySelectorAll('.chart figcaption .time')].map((one) => one.textContent)
        return times.length > 1 && times.filter((text) => text === times[0] && text !== '').length > 1
      })
      await page.mouse.move(0, 0)
      await page.locator('.chart .plot').first().focus()
      await page.keyboard.press('ArrowLeft')
      await page.waitForFunction(() => document.querySelector('.chart figcaption .time').textContent !== '')
    },
  },
  'a viewer sees the fleet and is not offered what they may not do': {
    async run(tools) {
      const { page, context } = await signInAs(tools, 'VIEWER', '/hosts')
      assert.equal(await page.getByRole('button', { name: 'Add host' }).count(), 0)
      await page.keyboard.press('/')
      await page.getByRole('combobox', { name: 'Search' }).fill('add host')
      assert.equal(await page.getByRole('option', { name: 'Add host' }).count(), 0)
      await context.close()
    },
  },
  'an API key is shown once and can be withdrawn': {
    async run(tools) {
      const { page, context } = await signInAs(tools, 'MEMBER', '/settings')
      const name = `story ${Date.now()}`
      await page.getByRole('button', { name: 'New API key' }).click()
      await page.getByRole('textbox', { name: 'Name' }).fill(name)
      await page.getByRole('button', { name: 'Create' }).click()
      const key = page.getByRole('dialog').getByRole('region')
      await key.waitFor()
      assert.match(await key.innerText(), /^dw_/)
      await page.getByRole('button', { name: 'Done' }).click()
      const row = page.getByRole('row', { name: new RegExp(name) })
      await row.getByRole('button', { name: 'Withdraw' }).click()
      await page.getByRole('dialog').getByRole('button', { name: 'Withdraw' }).click()
      await row.waitFor({ state: 'detached' })
      await context.close()
    },
  },
  'live readings arrive once a second': {
    async run(tools) {
      const { page, base } = tools
      const host = await first(tools, '/hosts?status=online&limit=1')
      await page.goto(`${base}/hosts/${host.id}?range=live`)
      await page.getByText('One reading a second').waitFor()
      await page.locator('.chart canvas').first().waitFor()
      const said = () => page.locator('.chart .plot').first().getAttribute('aria-label')
      const before = await said()
      await page.waitForFunction((text) => document.querySelector('.chart .plot').getAttribute('aria-label') !== text, before)
    },
  },
  'SQL is proposed, its risk shown, and its author can not approve it': {
    async run(tools) {
      const { page, base, settle } = tools
      await first(tools, '/schema/servers?limit=1')
      const version = `story-${Date.now()}`
      await page.goto(`${base}/releases/propose`)
      await settle(page)
      await page.getByRole('textbox', { name: 'Version' }).fill(version)
      await page.getByRole('textbox', { name: 'SQL' }).fill('drop table story;')
      await page.reload()
      assert.equal(await page.getByRole('textbox', { name: 'SQL' }).inputValue(), 'drop table story;', 'a reload loses what was typed')
      await page.getByRole('button', { name: 'Propose' }).click()
      await page.getByRole('heading', { level: 1, name: version }).waitFor()
      await page.getByText('Loses data').first().waitFor()
      await page.getByText('somebody else has to approve it').waitFor()
      assert.equal(await page.getByRole('button', { name: 'Reject' }).count(), 0)
      await page.getByRole('button', { name: 'Withdraw' }).click()
      await page.getByRole('dialog').getByRole('button', { name: 'Withdraw' }).click()
      await page.getByText('Withdrawn').first().waitFor()
    },
  },
}

/** About people and what they get to see; with those about deployments, which leave messages in people's inboxes. */
export const peopleStories = {
  'a deployment shows its steps and replays its log': {
    async run(tools) {
      const { page, base, settle } = tools
      const deployment = await first(tools, '/deployments?limit=1')
      await page.goto(`${base}/deployments`)
      await settle(page)
      await page.locator('tbody a').first().click()
      await page.getByRole('heading', { level: 1, name: `${deployment.applicationName} ${deployment.version}` }).waitFor()
      await page.locator('.steps li').first().waitFor()
      await page.locator('[role=log] p:not(.quiet)').first().waitFor()
    },
  },
  'deploying from the application’s page asks for a version and leads to the deployment': {
    async run(tools) {
      const { page, base, settle } = tools
      const application = await first(tools, '/applications?limit=1')
      await page.goto(`${base}/applications/${application.id}?deploy=1`)
      await settle(page)
      await page.getByRole('dialog').getByRole('button', { name: 'Deploy' }).click()
      await page.getByRole('alert').filter({ hasText: 'Say which version' }).waitFor()
      await page.getByRole('dialog').getByRole('textbox', { name: 'Version' }).fill('no-such-version')
      await page.keyboard.press('Enter')
      await page.waitForURL(/\/deployments\//)
      await page.getByRole('heading', { level: 1, name: `${application.name} no-such-version` }).waitFor()
    },
  },
  'somebody registers, applies with the code, is let in, and with a template for one host sees that host only': {
    async run(tools) {
      const { base, settle, another } = tools
      await (await client(base, 'olga'))('PUT', '/org/entry', { fields: ['email', 'nickName'] })
      const owner = await another('olga')
      await owner.page.goto(base + '/people/joining')
      await settle(owner.page)
      // Other fields make a new code.
      await owner.page.getByRole('button', { name: 'Change' }).click()
      const email = owner.page.getByRole('dialog').getByRole('checkbox', { name: 'birthday' })
      await email.click()
      const before = await owner.page.getByRole('region', { name: 'Entry code' }).innerText()
      await owner.page.getByRole('dialog').getByRole('button', { name: 'Save' }).click()
      await owner.page.waitForFunction((old) => document.querySelector('.code pre').textContent !== old, before)
      const code = await owner.page.getByRole('region', { name: 'Entry code' }).innerText()
      assert.match(code, /^[A-Z2-9]{7}$/)

      const username = `story${Date.now()}`
      const guest = await another()
      await guest.page.goto(`${base}/sign-in?to=%2Fwelcome`)
      await guest.page.getByRole('link', { name: 'Register' }).click()
      await guest.page.getByRole('textbox', { name: 'Who vouches for you' }).fill('nobody')
      await guest.page.getByRole('textbox', { name: 'User name' }).fill(username)
      await guest.page.getByRole('textbox', { name: 'Password', exact: true }).fill(PASSWORD)
      await guest.page.getByRole('textbox', { name: 'Password again' }).fill('another one')
      await guest.page.getByRole('textbox', { name: 'Display name' }).fill('A Story')
      await guest.page.getByRole('textbox', { name: 'E-mail' }).fill(`${username}@example.com`)
      await guest.page.getByRole('button', { name: 'Register' }).click()
      await guest.page.getByRole('alert').filter({ hasText: 'not the same password' }).waitFor()
      await guest.page.getByRole('textbox', { name: 'Password again' }).fill(PASSWORD)
      await guest.page.keyboard.press('Enter')
      await guest.page.getByRole('alert').filter({ hasText: 'is not a manager' }).waitFor()
      await guest.page.getByRole('textbox', { name: 'Who vouches for you' }).fill('mary')
      await guest.page.keyboard.press('Enter')
      await guest.page.waitForURL(`${base}/welcome`)
      await guest.page.getByRole('textbox', { name: 'Entry code' }).fill(code)
      await guest.page.getByRole('button', { name: 'Ask to join' }).click()
      await guest.page.getByRole('alert').filter({ hasText: 'birthday' }).waitFor()
      await (await client(base, username))('PATCH', '/me/profile', { birthday: '1990-04-01' })
      await guest.page.getByRole('button', { name: 'Ask to join' }).click()
      await guest.page.getByText('You asked to join').waitFor()

      await owner.page.goto(`${base}/people/joining`)
      const row = owner.page.getByRole('row', { name: new RegExp(username) })
      await row.getByRole('button', { name: 'Let in' }).click()
      await owner.page.getByRole('dialog').getByRole('button', { name: 'Let in' }).click()
      await row.waitFor({ state: 'detached' })
      // First narrowed to no host at all: what is seen afterwards comes from the template that the page applies.
      const boss = await client(base, 'olga')
      const nothing = await boss('POST', '/permission-templates', { name: `Nothing ${Date.now()}`, objects: { hosts: [] } })
      const member = (await boss('GET', `/members?search=${username}`)).items[0]
      await boss('PUT', `/members/${member.userId}/permissions`, { templateId: nothing.id })
      const api = await client(base, username)
      assert.equal((await api('GET', '/hosts')).items.length, 0)
      await guest.page.getByRole('button', { name: 'Look again' }).click()
      await guest.page.waitForURL(`${base}/`)
      await guest.page.goto(`${base}/hosts`)
      await settle(guest.page)
      assert.equal(await guest.page.locator('tbody .name a').count(), 0)

      await owner.page.goto(`${base}/people?search=${username}`)
      await owner.page.getByRole('link', { name: username }).click()
      await owner.page.getByRole('heading', { level: 1, name: username }).waitFor()
      await owner.page.getByRole('combobox', { name: 'Permission template' }).selectOption({ label: 'One host' })
      await owner.page.getByRole('button', { name: 'Save permissions' }).click()
      await owner.page.getByText('It counts from their next request on').waitFor()

      await guest.page.reload()
      await settle(guest.page)
      await boss('DELETE', `/permission-templates/${nothing.id}`)
      const reached = (await api('GET', '/hosts')).items
      assert.equal(reached.length, 1)
      assert.deepEqual(await guest.page.locator('tbody .name a').allInnerTexts(), [reached[0].name])
      await owner.context.close()
      await guest.context.close()
    },
  },
  'a role is marked by keyboard, and the explainer says what it gives': {
    async run({ base, settle, another }) {
      const { page, context } = await another('olga')
      await page.goto(base + '/people/roles')
      await settle(page)
      const name = `Night ${Date.now()}`
      await page.getByRole('button', { name: 'New role' }).click()
      await page.getByRole('dialog').getByRole('button', { name: 'Create' }).click()
      await page.getByRole('alert').filter({ hasText: 'Fill this in' }).first().waitFor()
      await page.getByRole('textbox', { name: 'Name' }).fill(name)
      await page.getByRole('textbox', { name: 'Code' }).fill(`night-${Date.now()}`)
      await page.keyboard.press('Enter')
      await page.getByRole('checkbox', { name: `${name}: see hosts` }).focus()
      await page.keyboard.press('ArrowDown')
      await page.keyboard.press('Space')
      await page.getByText('1 change not saved').waitFor()
      await page.reload()
      await page.getByText('1 change not saved').waitFor()
      await page.getByRole('button', { name: 'Save' }).click()
      await page.getByText('It counts within a second').waitFor()
      await page.getByRole('checkbox', { name: `${name}: change hosts`, checked: true }).waitFor()
      // What is built in can be looked at, not changed.
      await page.getByRole('checkbox', { name: /^Viewer: change hosts/ }).press('Space')
      assert.ok(!(await page.getByRole('checkbox', { name: /^Viewer: change hosts/ }).isChecked()))

      const api = await client(base, 'olga')
      const role = (await api('GET', '/roles')).items.find((one) => one.name === name)
      const wei = (await api('GET', '/members?search=wei')).items[0].userId
      await api('PUT', `/members/${wei}/permissions`, { roleId: role.id })
      await page.goto(`${base}/people/why`)
      await settle(page)
      await page.getByRole('combobox', { name: 'Member' }).selectOption(wei)
      await page.getByRole('combobox', { name: 'Operation' }).selectOption('host:write')
      await page.getByRole('heading', { name: 'wei may: change hosts' }).waitFor()
      await page.getByRole('listitem').filter({ hasText: name }).filter({ hasText: 'gives it' }).waitFor()
      assert.match(page.url(), /operation=host/)
      await api('PUT', `/members/${wei}/permissions`, {})
      await api('DELETE', `/roles/${role.id}`)
      await context.close()
    },
  },
  'a message leads to what it is about, and is read then': {
    async run({ base, settle, another }) {
      const username = `guest${Date.now()}`
      const admin = await another()
      const olga = await client(base, 'olga')
      const mary = await client(base, 'mary')
      await mary('POST', '/users', { username, password: PASSWORD })
      const { link } = await olga('POST', '/invitations', { role: 'VIEWER' })
      await (await client(base, username))('POST', '/invitations/accept', { token: link.split('/').pop() })
      await signInWith(admin.page, base, 'olga', '/inbox')
      await settle(admin.page)
      const bell = admin.page.getByRole('link', { name: /Inbox, \d+ unread/ })
      const before = Number((await bell.getAttribute('aria-label')).match(/\d+/)[0])
      const message = admin.page.getByRole('listitem').filter({ hasText: `${username} accepted an invitation` })
      await message.getByRole('button', { name: 'View' }).click()
      await admin.page.getByRole('heading', { level: 1, name: username }).waitFor()
      await admin.page.waitForFunction((count) => Number(document.querySelector('.bell').ariaLabel.match(/\d+/)?.[0] ?? 0) === count - 1, before)
      await admin.context.close()
    },
  },
  'an invitation made in the page lets its reader in': {
    async run({ base, settle, another, look }) {
      const owner = await another('olga')
      await owner.page.goto(base + '/people/joining?invite=1')
      await owner.page.getByRole('dialog').getByRole('combobox', { name: 'Role' }).selectOption('VIEWER')
      await owner.page.getByRole('dialog').getByRole('button', { name: 'Make the link' }).click()
      const link = (await owner.page.getByRole('region', { name: 'Invitation link' }).innerText()).trim()
      await owner.context.close()
      const username = `invited${Date.now()}`
      await (await client(base, 'mary'))('POST', '/users', { username, password: PASSWORD })
      const { page, context } = await another()
      await page.goto(base + new URL(link).pathname)
      await page.getByText('olga invites you').waitFor()
      await settle(page)
      await look(page, 'invitation-open')
      await page.getByRole('button', { name: 'Sign in to accept' }).click()
      await page.getByText('Sign in to accept the invitation').waitFor()
      await page.locator('input[autocomplete=username]').fill(username)
      await page.locator('input[autocomplete=current-password]').fill(PASSWORD)
      await page.keyboard.press('Enter')
      await page.getByRole('button', { name: 'Accept the invitation' }).click()
      await page.waitForURL(`${base}/`)
      await settle(page)
      await page.goto(base + new URL(link).pathname)
      await page.getByRole('alert').filter({ hasText: 'was used' }).waitFor()
      await context.close()
    },
  },
  'somebody changes their profile and password, and signs in anew': {
    async run({ base, settle, another, look }) {
      const username = `self${Date.now()}`
      await (await client(base, 'mary'))('POST', '/users', { username, password: PASSWORD })
      const { page, context } = await another()
      await signInWith(page, base, username, '/profile')
      await settle(page)
      await page.getByRole('button', { name: 'Add: E-mail' }).click()
      const dialog = page.getByRole('dialog')
      await dialog.getByRole('textbox', { name: 'E-mail' }).fill('no address')
      await page.keyboard.press('Enter')
      await dialog.getByRole('alert').filter({ hasText: 'not a usable e-mail address' }).waitFor()
      await dialog.getByRole('textbox', { name: 'E-mail' }).fill('olga@example.com')
      await dialog.getByRole('textbox', { name: 'Present password' }).fill(PASSWORD)
      await page.keyboard.press('Enter')
      await dialog.getByRole('alert').filter({ hasText: 'taken' }).waitFor()
      await page.keyboard.press('Escape')
      await page.getByRole('combobox', { name: 'Gender' }).selectOption('2')
      await page.getByRole('textbox', { name: 'Display name' }).fill('Self Made')
      await page.getByRole('button', { name: 'Save' }).click()
      await page.getByText('Saved').waitFor()
      await page.reload()
      await settle(page)
      assert.equal(await page.getByRole('textbox', { name: 'Display name' }).inputValue(), 'Self Made')
      await page.getByRole('link', { name: 'Sign-in and security' }).click()
      await page.getByRole('button', { name: 'Change password' }).click()
      await dialog.getByRole('textbox', { name: 'Present password' }).fill('not this one')
      // The server knows what others would try first for this person.
      await dialog.getByRole('textbox', { name: 'New password' }).fill(`${username}77`)
      await dialog.getByText('not enough yet').waitFor()
      await dialog.getByRole('textbox', { name: 'New password' }).fill('another long one with words')
      await dialog.getByText('Very hard to guess').waitFor()
      await look(page, 'password-strength')
      await dialog.getByRole('textbox', { name: 'Password again' }).fill('another long one with words')
      await page.keyboard.press('Enter')
      await dialog.getByRole('alert').filter({ hasText: 'wrong' }).waitFor()
      await dialog.getByRole('textbox', { name: 'Present password' }).fill(PASSWORD)
      await page.keyboard.press('Enter')
      await page.getByText('Your password was changed').waitFor()
      await context.close()
    },
  },
  'mails about failures are wished for, in another language than the page’s': {
    async run(tools) {
      const { page, context } = await signInAs(tools, 'MEMBER', '/profile')
      await page.getByRole('combobox', { name: 'When something fails' }).selectOption('yes')
      await page.getByRole('combobox', { name: 'Language' }).selectOption('zh')
      await page.getByRole('button', { name: 'Apply' }).click()
      await page.getByText('Saved').waitFor()
      await page.getByText('before your e-mail address is verified').waitFor()
      await page.reload()
      await tools.settle(page)
      assert.equal(await page.getByRole('combobox', { name: 'Language' }).inputValue(), 'zh')
      await tools.look(page, 'profile-mails')
      await context.close()
    },
  },
  'a token at a git host is entered, replaced and forgotten, and never shown': {
    async run(tools) {
      const { page, context } = await signInAs(tools, 'ADMIN', '/people/org')
      const host = `git-${Date.now()}.example.com`
      await page.getByRole('button', { name: 'Add a token' }).click()
      const dialog = page.getByRole('dialog')
      await dialog.getByRole('textbox', { name: 'Git host' }).fill('No Host')
      await dialog.getByLabel('Access token').fill('a-token-of-the-story')
      await page.keyboard.press('Enter')
      await dialog.getByRole('alert').filter({ hasText: 'lower-case letters' }).waitFor()
      await dialog.getByRole('textbox', { name: 'Git host' }).fill(host)
      await dialog.getByRole('textbox', { name: 'Account there' }).fill('muster-bot')
      await page.keyboard.press('Enter')
      const row = page.getByRole('listitem').filter({ hasText: host })
      await row.getByText('muster-bot').waitFor()
      await tools.look(page, 'org-git-hosts')
      await row.getByRole('button', { name: 'Replace' }).click()
      assert.equal(await dialog.getByLabel('Access token').inputValue(), '', 'the old one is not shown')
      await dialog.getByLabel('Access token').fill('another-token')
      await dialog.getByRole('textbox', { name: 'Account there' }).fill('other-bot')
      await page.keyboard.press('Enter')
      await row.getByText('other-bot').waitFor()
      assert.ok(!(await page.content()).includes('another-token'))
      await row.getByRole('button', { name: 'Forget' }).click()
      await dialog.getByRole('button', { name: 'Forget' }).click()
      await row.waitFor({ state: 'detached' })
      await context.close()
    },
  },
  'a manager takes away the second factor of somebody who lost it': {
    async run({ base, settle, another }) {
      const username = `lost${Date.now()}`
      await (await client(base, 'mary'))('POST', '/users', { username, password: PASSWORD })
      const { page, context } = await another()
      await signInWith(page, base, 'mary', `/admin/users?search=${username}`)
      await settle(page)
      await page.getByRole('button', { name: `Reset second factor: ${username}` }).click()
      const dialog = page.getByRole('dialog')
      await dialog.getByRole('button', { name: 'Reset second factor' }).click()
      await dialog.waitFor({ state: 'detached' })
      await page.getByRole('button', { name: `Change: ${username}` }).click()
      await dialog.getByRole('combobox', { name: 'Second factor' }).selectOption('always')
      await dialog.getByRole('button', { name: 'Save' }).click()
      await dialog.waitFor({ state: 'detached' })
      await context.close()
    },
  },
  'a manager finds users by when they came, and the audit log is filtered and exported': {
    async run({ base, settle, another }) {
      const { page, context } = await another('mary')
      await page.goto(base + '/admin/users')
      await settle(page)
      await page.getByRole('button', { name: 'More filters' }).click()
      await page.getByLabel('Registered: to').fill('2020-01-01')
      await page.getByText('Nothing matches').waitFor()
      await page.getByRole('button', { name: 'Clear the filters' }).first().click()
      await page.getByRole('searchbox', { name: /Name, account/ }).fill('olg')
      await page.waitForURL(/search=olg/)
      await page.locator('tbody tr').nth(1).waitFor({ state: 'detached' })
      await page.getByRole('row', { name: /olga/ }).waitFor()
      await context.close()
      const owner = await another('olga')
      await owner.page.goto(base + '/audit')
      await settle(owner.page)
      await owner.page.getByRole('combobox', { name: 'Operation' }).selectOption('template:write')
      await owner.page.waitForURL(/operation=template/)
      const download = owner.page.waitForEvent('download')
      await owner.page.getByRole('link', { name: 'Export' }).click()
      const lines = await (await download).createReadStream()
      let text = ''
      for await (const piece of lines) text += piece
      const rows = text.trim().split('\n').map((line) => JSON.parse(line))
      assert.ok(rows.length > 0 && rows.every((row) => row.operation === 'template:write'))
      await owner.context.close()
    },
  },
  'a request is taken back, and one makes an organisation of one’s own where that is allowed': {
    async run({ base, settle, another, account, password, look }) {
      const root = await client(base, account, password)
      const realm = await root('POST', '/platforms', { code: `own-${Date.now()}`, name: 'Own', orgsByUsers: false })
      const username = `own${Date.now()}`
      await root('POST', '/users', { username, password: PASSWORD, platformId: realm.id })
      const boss = `boss${Date.now()}`
      const { id } = await root('POST', '/users', { username: boss, password: PASSWORD, platformId: realm.id })
      await root('POST', '/orgs', { name: 'Elsewhere', slug: 'elsewhere', ownerId: id })
      const own = await another()
      const { page } = own
      await page.goto(`${base}/sign-in?platform=${realm.code}`)
      await page.locator('input[autocomplete=username]').fill(username)
      await page.locator('input[autocomplete=current-password]').fill(PASSWORD)
      await page.keyboard.press('Enter')
      await page.waitForURL(`${base}/welcome`)
      assert.equal(await page.getByRole('button', { name: 'New organisation' }).count(), 0)

      const owner = await another()
      await owner.page.goto(`${base}/sign-in?platform=${realm.code}&to=/people/joining`)
      await owner.page.locator('input[autocomplete=username]').fill(boss)
      await owner.page.locator('input[autocomplete=current-password]').fill(PASSWORD)
      await owner.page.keyboard.press('Enter')
      await owner.page.getByRole('button', { name: 'Open the entry' }).click()
      const dialog = owner.page.getByRole('dialog')
      for (const ticked of await dialog.getByRole('checkbox', { checked: true }).all()) await ticked.click()
      await dialog.getByRole('button', { name: 'Open the entry' }).click()
      const code = (await owner.page.getByRole('region', { name: 'Entry code' }).innerText()).trim()
      await page.getByRole('textbox', { name: 'Entry code' }).fill(code)
      await page.keyboard.press('Enter')
      const requests = page.getByRole('list', { name: 'Your requests' })
      await requests.getByText('Waiting').waitFor()
      await owner.page.reload()
      await owner.page.getByRole('row', { name: new RegExp(username) }).getByRole('button', { name: 'Reject' }).click()
      await owner.page.getByRole('dialog').getByRole('textbox').fill('Who are you?')
      await owner.page.getByRole('dialog').getByRole('button', { name: 'Reject' }).click()
      await owner.page.getByRole('dialog').waitFor({ state: 'detached' })
      // The message's button leads to where it is corrected and sent again.
      await page.goto(`${base}/inbox`)
      await page.getByText('Who are you?').first().waitFor()
      await page.getByRole('button', { name: 'Correct and ask again' }).click()
      await page.waitForURL(`${base}/welcome`)
      await requests.getByText('Who are you?').waitFor()
      await page.getByRole('textbox', { name: 'Entry code' }).fill(code)
      await page.keyboard.press('Enter')
      await requests.getByText('Waiting').waitFor()
      await owner.page.reload()
      await owner.page.getByRole('row', { name: new RegExp(username) }).getByRole('button', { name: 'Reject' }).waitFor()
      await owner.context.close()
      await requests.getByRole('button', { name: 'Take back: Elsewhere' }).click()
      await page.getByRole('dialog').getByRole('button', { name: 'Take back' }).click()
      await requests.waitFor({ state: 'detached' })

      // The super administrator allows it.
      const admin = await another()
      await admin.page.goto(`${base}/admin/platforms/${realm.id}`)
      await admin.page.locator('input[autocomplete=username]').fill(account)
      await admin.page.locator('input[autocomplete=current-password]').fill(password)
      await admin.page.keyboard.press('Enter')
      await admin.page.getByRole('button', { name: 'Change' }).click()
      await admin.page.getByRole('combobox', { name: 'Who makes organisations' }).selectOption({ label: 'Its users, too' })
      await admin.page.getByRole('dialog').getByRole('button', { name: 'Save' }).click()
      await admin.page.getByText('users make organisations, too').waitFor()
      await admin.context.close()
      await page.reload()
      await settle(page)
      await look(page, 'welcome-own-org')
      await page.getByRole('button', { name: 'New organisation' }).click()
      await page.getByRole('dialog').getByRole('textbox', { name: 'Name', exact: true }).fill('My own')
      await page.getByRole('dialog').getByRole('textbox', { name: 'Short name' }).fill('elsewhere')
      await page.keyboard.press('Enter')
      await page.getByRole('dialog').getByRole('alert').filter({ hasText: 'taken' }).waitFor()
      await page.getByRole('dialog').getByRole('textbox', { name: 'Short name' }).fill('my-own')
      await page.keyboard.press('Enter')
      await page.waitForURL(`${base}/`)
      await page.goto(`${base}/people/org`)
      await page.getByText('Owner').first().waitFor()
      await own.context.close()
    },
  },
  'an org is made, handed over, left, and deleted by typing its name': {
    async run({ base, settle, another }) {
      const stamp = Date.now()
      const [first, second, name] = [`first${stamp}`, `second${stamp}`, `Team ${stamp}`]
      const mary = await client(base, 'mary')
      for (const username of [first, second]) await mary('POST', '/users', { username, password: PASSWORD })
      const manager = await another('mary')
      await manager.page.goto(base + '/admin/orgs?new=1')
      const dialog = manager.page.getByRole('dialog')
      await dialog.getByRole('textbox', { name: 'Name', exact: true }).fill(name)
      await dialog.getByRole('textbox', { name: 'Short name' }).fill(`team-${stamp}`)
      await dialog.getByRole('textbox', { name: 'Owner' }).fill('nobody at all')
      await dialog.getByRole('button', { name: 'Create' }).click()
      await dialog.getByRole('alert').filter({ hasText: 'no user of this name' }).waitFor()
      await dialog.getByRole('textbox', { name: 'Owner' }).fill(first)
      await dialog.getByRole('button', { name: 'Create' }).click()
      const row = manager.page.getByRole('row', { name: new RegExp(name) })
      await row.getByText(first).waitFor()
      await dialog.waitFor({ state: 'detached' })
      // Who manages the platform puts right what the org says of itself, without being in it.
      await manager.page.getByRole('button', { name: `Change: ${name}` }).click()
      assert.equal(await dialog.getByRole('textbox', { name: 'Short name' }).inputValue(), `team-${stamp}`)
      await dialog.getByRole('textbox', { name: 'Contact', exact: true }).fill('Front desk')
      await dialog.getByRole('textbox', { name: 'Short name' }).fill(`crew-${stamp}`)
      await dialog.getByRole('button', { name: 'Save' }).click()
      await row.getByText('Front desk').waitFor()
      await row.getByText(`crew-${stamp}`).waitFor()
      await manager.context.close()

      const owner = await another()
      const { page } = owner
      await signInWith(page, base, first, '/people?add=1')
      await page.getByRole('dialog').getByRole('textbox', { name: 'User name' }).fill(second)
      await page.getByRole('dialog').getByRole('combobox', { name: 'Role' }).selectOption('ADMIN')
      await page.getByRole('dialog').getByRole('button', { name: 'Add' }).click()
      await page.getByRole('link', { name: second }).click()
      await page.getByRole('button', { name: 'Make owner' }).click()
      await page.getByRole('dialog').getByRole('textbox').fill(second)
      await page.getByRole('dialog').getByRole('button', { name: 'Make owner' }).click()
      await page.getByText('The owner may do everything').waitFor()
      assert.equal(await page.getByRole('button', { name: 'Make owner' }).count(), 0)
      await page.getByRole('link', { name: 'People' }).first().click()
      await page.getByRole('link', { name: 'Organisation' }).click()
      await page.getByRole('button', { name: 'Leave the organisation' }).click()
      await page.getByRole('dialog').getByRole('button', { name: 'Leave the organisation' }).click()
      await page.waitForURL(`${base}/welcome`)
      await owner.context.close()

      const heir = await another()
      await signInWith(heir.page, base, second, '/people/org')
      await settle(heir.page)
      await heir.page.getByRole('button', { name: 'Delete the organisation' }).click()
      const sure = heir.page.getByRole('dialog')
      assert.ok(await sure.getByRole('button', { name: 'Delete the organisation' }).isDisabled())
      await sure.getByRole('textbox').fill(name)
      await sure.getByRole('button', { name: 'Delete the organisation' }).click()
      await heir.page.waitForURL(`${base}/welcome`)
      await heir.context.close()
    },
  },
}
