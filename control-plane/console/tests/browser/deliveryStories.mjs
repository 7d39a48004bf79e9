/** Getting versions onto hosts, and what they need for it. Told in the org of `deliveryCast.mjs`, whose hosts are simulated. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { deploymentIs, ended } from './deliveryCast.mjs'

const dialog = (page) => page.getByRole('dialog')
const paused = (page) => page.getByRole('status').filter({ hasText: 'Paused after batch 1 of' }).waitFor()

export const deliveryStories = {
  'a rollout pauses after its first batch, goes on, and its hosts are told apart by keyboard': {
    as: 'rita',
    async run({ page, base, settle, look, made }) {
      await page.goto(`${base}/deployments/${made.deployments.paused}`)
      await settle(page)
      await paused(page)
      await page.getByText('Tried on test since Monday.').waitFor()
      const hosts = page.getByRole('listbox', { name: 'Hosts' })
      assert.equal(await hosts.getByRole('option').count(), made.fleet.sound.length)
      await hosts.focus()
      await page.keyboard.press('End')
      const last = await hosts.getByRole('option', { selected: true }).getAttribute('aria-label')
      await page.getByRole('heading', { level: 2, name: last.split(':')[0] }).waitFor()
      await page.keyboard.press('Home')
      await hosts.getByRole('option', { name: /Succeeded/, selected: true }).waitFor()
      // What waits behind it says so.
      const sam = made.sam
      await sam('POST', `/deployments/${made.deployments.waiting}/reject`, { comment: 'Not on a Friday.' })
      await page.getByRole('button', { name: 'Go on' }).click()
      await dialog(page).getByRole('button', { name: 'Go on' }).click()
      await page.getByRole('button', { name: 'Deploy again' }).waitFor()
      await page.getByRole('img', { name: `Succeeded: ${made.fleet.sound.length}` }).waitFor()
      await settle(page)
      await look(page, 'rollout-went-on')
    },
  },
  'a rollout that fails on too many hosts takes the changed ones back, and the page says where each host is': {
    as: 'rita',
    async run({ page, base, settle, look, made }) {
      await page.goto(`${base}/applications/${made.shop.id}?deploy=1`)
      await dialog(page).getByRole('combobox', { name: 'Environment' }).selectOption('prod')
      await dialog(page).getByText('runs there now').waitFor()
      await dialog(page).getByRole('textbox', { name: 'Version' }).fill('2.0.0')
      await page.keyboard.press('Enter')
      await page.waitForURL(/\/deployments\//)
      // Live, without a reload.
      await page.getByRole('alert').filter({ hasText: 'hosts not done' }).waitFor()
      const id = page.url().split('/').pop()
      const seen = await made.owner('GET', `/deployments/${id}`)
      assert.notEqual(seen.status, 'success')
      const counts = Object.entries({ 'Succeeded': seen.counts.success, 'Failed, put back': made.fleet.broken.length, 'Put back': seen.counts.rolledBack - made.fleet.broken.length, 'Cancelled': seen.counts.cancelled }).filter(([, count]) => count > 0)
      for (const [word, count] of counts) await page.getByRole('img', { name: new RegExp(`(^|, )${word}: ${count}`) }).waitFor()
      assert.ok(seen.counts.rolledBack >= made.fleet.broken.length)
      const stopped = await page.getByRole('listbox', { name: 'Hosts' }).getByRole('option', { name: /Put back/ }).count()
      assert.equal(stopped, seen.counts.rolledBack)
      await page.getByRole('combobox', { name: 'Only of this host' }).selectOption({ index: 1 })
      await page.getByRole('listitem').filter({ hasText: 'Batch 1 of 4 done, 2 of 6 hosts failed' }).waitFor()
      await page.getByRole('row', { name: /Version/ }).filter({ hasText: '1.0.0' }).filter({ hasText: '2.0.0' }).waitFor()
      await settle(page)
      await look(page, 'rollout-taken-back')
    },
  },
  'a deployment waits until somebody else approves; one that is called off takes its hosts back': {
    as: 'rita',
    async run({ page, base, settle, another, made }) {
      const id = await made.deploy('live', '3.0.0')
      await page.goto(`${base}/deployments/${id}`)
      await page.getByText('You asked for it, so somebody else has to agree').waitFor()
      assert.equal(await page.getByRole('button', { name: 'Approve' }).count(), 0)
      const sam = await another('sam')
      await sam.page.goto(`${base}/deployments?status=waitingApproval`)
      await sam.page.getByRole('link', { name: /shop 3\.0\.0/ }).click()
      await sam.page.getByText('rita wants to deploy 3.0.0 to live').waitFor()
      await sam.page.getByRole('button', { name: 'Approve' }).click()
      await dialog(sam.page).getByRole('textbox', { name: 'Comment' }).fill('Go.')
      await dialog(sam.page).getByRole('button', { name: 'Approve' }).click()
      await paused(sam.page)
      await sam.page.getByText('sam approved').waitFor()
      await settle(page)
      await paused(page)
      await page.getByRole('button', { name: 'Cancel deployment' }).click()
      await dialog(page).getByRole('checkbox', { name: /go back to what ran there/ }).click()
      await dialog(page).getByRole('button', { name: 'Cancel deployment' }).click()
      await page.getByRole('button', { name: 'Roll back' }).waitFor()
      const seen = await deploymentIs(made.owner, id, ended)
      assert.equal(seen.counts.success, 0)
      await page.getByRole('img', { name: new RegExp(`Put back: ${seen.counts.rolledBack}`) }).waitFor()
    },
  },
  'one goes back to a version that is chosen': {
    as: 'rita',
    async run({ page, base, made }) {
      await page.goto(`${base}/deployments/${made.deployments.second}`)
      await page.getByRole('button', { name: 'Roll back' }).click()
      await dialog(page).getByRole('combobox', { name: 'Back to' }).selectOption({ label: await dialog(page).getByRole('option', { name: /^1\.0\.0/ }).textContent() })
      await dialog(page).getByRole('button', { name: 'Roll back' }).click()
      await page.getByRole('heading', { level: 1, name: 'shop 1.0.0' }).waitFor()
      await page.getByText('Roll back · rita').first().waitFor()
      await page.getByRole('button', { name: 'Deploy again' }).waitFor()
    },
  },
  'an application is registered, gets an environment with a policy, a container and a token, and CI deploys it': {
    as: 'rita',
    async run({ page, base, settle, look, made }) {
      const name = `api-${Date.now()}`
      await page.goto(`${base}/applications`)
      await page.getByRole('button', { name: 'New application' }).click()
      await dialog(page).getByRole('textbox', { name: 'Name' }).fill('not a name')
      await dialog(page).getByRole('textbox', { name: 'Image' }).fill('team/api')
      await page.keyboard.press('Enter')
      await dialog(page).getByRole('alert').filter({ hasText: 'Use 1 to 63 letters' }).waitFor()
      await dialog(page).getByRole('textbox', { name: 'Name' }).fill(name)
      await page.keyboard.press('Enter')
      await page.waitForURL(/\/environments$/)
      await page.getByRole('button', { name: 'Change: default' }).click()
      await dialog(page).getByRole('checkbox').first().click()
      await dialog(page).getByRole('combobox', { name: 'Approval' }).selectOption('no')
      await dialog(page).getByRole('textbox', { name: 'Hosts at a time' }).fill('many')
      await dialog(page).getByRole('textbox', { name: 'Different here' }).fill('{"limits":')
      await look(page, 'environment-form')
      await dialog(page).getByRole('button', { name: 'Save' }).click()
      await dialog(page).getByRole('alert').filter({ hasText: 'A number of hosts' }).waitFor()
      await dialog(page).getByRole('textbox', { name: 'Hosts at a time' }).fill('50%')
      await dialog(page).getByRole('button', { name: 'Save' }).click()
      await dialog(page).getByRole('alert').filter({ hasText: 'not a JSON object' }).waitFor()
      await dialog(page).getByRole('textbox', { name: 'Different here' }).fill('{"limits":{"memoryBytes":67108864}}')
      await dialog(page).getByRole('button', { name: 'Save' }).click()
      await page.getByText('50% at a time').waitFor()

      await page.getByRole('link', { name: 'Settings' }).last().click()
      await page.getByRole('textbox', { name: 'Published ports' }).fill('8081:80\n127.0.0.1:5353:53/udp')
      await page.getByRole('combobox', { name: 'Healthy when' }).selectOption('tcp')
      await page.getByRole('textbox', { name: 'Port in the container' }).fill('80')
      await page.getByRole('button', { name: 'Save' }).last().click()
      await page.getByText('It counts from the next deployment on').waitFor()
      const id = new URL(page.url()).pathname.split('/')[2]
      const { container } = await made.owner('GET', `/applications/${id}`)
      assert.deepEqual(container.ports.map((port) => [port.hostIp ?? '', port.host, port.container, port.protocol]), [['', 8081, 80, 'tcp'], ['127.0.0.1', 5353, 53, 'udp']])
      assert.equal(container.healthCheck.type, 'tcp')

      await page.getByRole('link', { name: 'Triggers' }).click()
      await page.getByRole('button', { name: 'New token' }).click()
      await dialog(page).getByRole('button', { name: 'Create' }).click()
      const token = (await dialog(page).getByRole('region', { name: 'Webhook token' }).innerText()).trim()
      assert.match(token, /^whk_/)
      await page.getByRole('button', { name: 'Done' }).click()
      const text = await page.getByRole('region', { name: 'Shell' }).innerText()
      assert.ok(!text.includes(token))
      // The call that the page shows, made by a shell.
      const answer = JSON.parse(execFileSync('sh', ['-c', text.replace('whk_…', token)], { encoding: 'utf8' }))
      assert.equal(answer.success, true, JSON.stringify(answer))
      await page.getByRole('link', { name: 'Overview' }).last().click()
      await page.getByRole('row', { name: /1\.4\.2/ }).filter({ hasText: 'Webhook' }).waitFor()
      await settle(page)

      await page.getByRole('link', { name: 'Settings' }).last().click()
      await page.getByRole('button', { name: 'Delete the application' }).click()
      await dialog(page).getByRole('textbox').fill(name)
      await dialog(page).getByRole('button', { name: 'Delete the application' }).click()
      await page.waitForURL(`${base}/applications`)
    },
  },
  'variables are added, a secret group is imported, and the page says what a container gets': {
    as: 'rita',
    async run({ page, base, settle, look, made }) {
      const application = await made.owner('POST', '/applications', { name: `vars-${Date.now()}`, image: 'team/vars', environments: { test: {} } })
      await page.goto(`${base}/applications/${application.id}/variables`)
      await settle(page)
      await page.getByRole('button', { name: 'New variable' }).first().click()
      await dialog(page).getByRole('textbox', { name: 'Name' }).fill('1ST')
      await dialog(page).getByRole('button', { name: 'Create' }).click()
      await dialog(page).getByRole('alert').filter({ hasText: 'not beginning with a digit' }).waitFor()
      await dialog(page).getByRole('textbox', { name: 'Name' }).fill('SESSION_KEY')
      await dialog(page).getByRole('textbox', { name: 'Value' }).fill('in clear')
      await dialog(page).getByRole('button', { name: 'Create' }).click()
      await page.getByRole('button', { name: 'Change: SESSION_KEY' }).waitFor()
      await page.getByRole('button', { name: 'Import a secret group' }).click()
      await dialog(page).getByRole('combobox', { name: 'Secret group' }).selectOption({ label: 'shop' })
      await dialog(page).getByRole('button', { name: 'Import' }).click()
      await page.getByText('1 left as they were: SESSION_KEY').waitFor()
      const effective = page.getByRole('table', { name: 'What a container gets' })
      await effective.getByRole('row', { name: /DATABASE_URL.*version/ }).waitFor()
      await effective.getByRole('row', { name: /LOG_LEVEL.*info.*organisation/ }).waitFor()
      await page.getByRole('button', { name: 'Change: SESSION_KEY' }).click()
      await dialog(page).getByRole('combobox', { name: 'Kind' }).selectOption('secretRef')
      await dialog(page).getByRole('combobox', { name: 'Secret' }).selectOption({ label: 'shop / SESSION_KEY' })
      await look(page, 'variable-secret')
      await dialog(page).getByRole('button', { name: 'Save' }).click()
      await effective.getByRole('row', { name: /SESSION_KEY.*version 1/ }).waitFor()
      assert.ok(!(await page.content()).includes('postgres://'), 'the value of a secret is on the page')
      await made.owner('DELETE', `/applications/${application.id}`)
    },
  },
  'a secret is made, changed, shown once asked for, and an old value counts again': {
    as: 'rita',
    async run({ page, base, settle, look, made }) {
      await page.goto(`${base}/secrets`)
      await page.getByRole('button', { name: 'New group' }).click()
      await dialog(page).getByRole('textbox', { name: 'Name' }).fill(`group ${Date.now()}`)
      await dialog(page).getByRole('button', { name: 'Create' }).click()
      await page.waitForURL(/\/secrets\/groups\//)
      await page.getByRole('button', { name: 'New secret' }).click()
      await dialog(page).getByRole('textbox', { name: 'Name' }).fill('TOKEN')
      await dialog(page).getByRole('textbox', { name: 'Value' }).fill('the first value')
      await page.keyboard.press('Enter')
      await page.getByRole('button', { name: 'More: TOKEN' }).click()
      await page.getByRole('menuitem', { name: 'Change' }).click()
      await dialog(page).getByRole('textbox', { name: 'Value' }).fill('the second value')
      await dialog(page).getByRole('button', { name: 'Save' }).click()
      await page.getByRole('row', { name: /TOKEN 2/ }).waitFor()
      await page.getByRole('button', { name: 'More: TOKEN' }).click()
      await page.getByRole('menuitem', { name: 'Versions' }).click()
      await look(page, 'secret-versions')
      await dialog(page).getByRole('button', { name: 'Use again: 1' }).click()
      await dialog(page).getByRole('listitem').filter({ hasText: 'counts now' }).filter({ hasText: '3' }).waitFor()
      await page.keyboard.press('Escape')
      await page.getByRole('button', { name: 'Show: TOKEN' }).click()
      assert.ok(!(await page.content()).includes('the first value'))
      await dialog(page).getByRole('button', { name: 'Show' }).click()
      await dialog(page).getByRole('region', { name: 'TOKEN' }).getByText('the first value').waitFor()
      await page.keyboard.press('Escape')
      await dialog(page).waitFor({ state: 'detached' })
      assert.ok(!(await page.content()).includes('the first value'), 'the value stays behind')
      await page.goto(`${base}/audit?operation=secret:reveal`)
      await page.getByRole('row', { name: /rita/ }).first().waitFor()
      await page.goto(`${base}/secrets/groups/${made.group.id}/usage`)
      await settle(page)
      await page.getByRole('listitem').filter({ hasText: 'shop' }).filter({ hasText: 'DATABASE_URL' }).first().waitFor()
    },
  },
  'a provider is made and tested, its group synced by hand, and the log says what came and what failed': {
    as: 'rita',
    async run({ page, base, settle, look, out, made }) {
      const name = `Vault ${Date.now()}`
      await page.goto(`${base}/secrets/providers`)
      await page.getByRole('button', { name: 'New provider' }).click()
      const box = (label) => dialog(page).getByRole('textbox', { name: label })
      await box('Name').fill(name)
      await box('Address').fill(out.infisical)
      await box('Client id').fill('muster')
      await box('Client secret').fill('not the right one')
      await box('Project id').fill('shop')
      await box('Environment there').fill('prod')
      await dialog(page).getByRole('combobox', { name: 'Schedule' }).selectOption({ label: 'by hand' })
      await dialog(page).getByRole('button', { name: 'Create' }).click()
      await page.getByRole('button', { name: `Test: ${name}` }).click()
      await page.getByRole('alert').filter({ hasText: 'refuses the client' }).waitFor()
      await page.getByRole('button', { name: `Change: ${name}` }).click()
      await box('Client secret').fill('muster-at-infisical')
      await dialog(page).getByRole('button', { name: 'Save' }).click()
      await dialog(page).waitFor({ state: 'detached' })
      await page.getByRole('button', { name: `Test: ${name}` }).click()
      await page.getByText(`${name} works`).waitFor()

      out.kept.set('ADDED_THERE', 'a new one')
      await page.goto(`${base}/secrets/groups/${made.synced.id}`)
      await settle(page)
      assert.equal(await page.getByRole('button', { name: 'New secret' }).count(), 0)
      await page.getByRole('button', { name: 'Sync now' }).click()
      await dialog(page).getByRole('button', { name: 'Sync now' }).click()
      await page.getByText('1 new').waitFor()
      await page.getByRole('row', { name: /ADDED_THERE/ }).waitFor()
      out.kept.delete('ADDED_THERE')
      await page.getByRole('link', { name: 'Sync log' }).click()
      await page.getByRole('button', { name: 'Sync now' }).click()
      await dialog(page).getByRole('button', { name: 'Sync now' }).click()
      await page.getByRole('row', { name: /1 removed/ }).waitFor()
      await look(page, 'secret-sync-log')
    },
  },
  'a registry that can not be reached says so, and one that applications use stays': {
    refused: /\b409\b/,
    async run({ page, base, settle }) {
      // The org with a real registry, which the deployments came from.
      await page.goto(`${base}/registries`)
      await settle(page)
      await page.getByRole('button', { name: /^Test: web-/ }).first().click()
      await page.getByRole('row', { name: /Works/ }).waitFor()
      await page.getByRole('button', { name: /^Remove: web-/ }).first().click()
      await dialog(page).getByRole('button', { name: 'Remove' }).click()
      await dialog(page).getByRole('alert').filter({ hasText: /use this registry/ }).waitFor()
      await page.keyboard.press('Escape')
      await page.getByRole('button', { name: 'New registry' }).click()
      const name = `Away ${Date.now()}`
      await dialog(page).getByRole('textbox', { name: 'Name', exact: true }).fill(name)
      await dialog(page).getByRole('textbox', { name: 'Address' }).fill('http://127.0.0.1:9')
      await dialog(page).getByRole('combobox', { name: 'Sign-in' }).selectOption('token')
      await dialog(page).getByRole('textbox', { name: 'Token' }).fill('not a real one')
      await dialog(page).getByRole('button', { name: 'Create' }).click()
      await page.getByRole('button', { name: `Test: ${name}` }).click()
      await page.getByRole('row', { name: new RegExp(name) }).filter({ hasText: 'Does not work' }).waitFor()
      await page.getByRole('button', { name: `Remove: ${name}` }).click()
      await dialog(page).getByRole('button', { name: 'Remove' }).click()
      await page.getByRole('row', { name: new RegExp(name) }).waitFor({ state: 'detached' })
    },
  },
  'rules of a Git host are written in rows, tried, and kept': {
    as: 'rita',
    // A pattern that is none is refused where it is tried.
    refused: /\b422\b/,
    async run({ page, base, settle, look, made }) {
      const name = `git-${Date.now()}`
      const application = await made.owner('POST', '/applications', { name, image: 'team/git', environments: { default: {}, live: {} } })
      await page.goto(`${base}/applications/${application.id}/triggers`)
      await page.getByRole('button', { name: /: Git host/ }).click()
      await dialog(page).getByRole('combobox', { name: 'Git host' }).selectOption('gitlab')
      await dialog(page).getByRole('textbox', { name: 'Repository id' }).fill(String(Date.now()))
      await dialog(page).getByRole('button', { name: 'Save' }).click()
      await page.getByText(`/webhook/git/${application.id}`).waitFor()
      await page.getByRole('button', { name: 'New secret' }).click()
      await dialog(page).getByText(/^gwh_/).waitFor()
      await dialog(page).getByRole('button', { name: 'Done' }).click()

      await page.getByRole('button', { name: 'Change: default' }).click()
      const tags = dialog(page).getByRole('group', { name: 'Push of a tag' })
      await tags.getByRole('button', { name: /Add a rule/ }).click()
      await tags.getByRole('combobox').selectOption('regex')
      await tags.getByRole('textbox').fill('v[0-9.]+(')
      await dialog(page).getByRole('combobox', { name: 'Event' }).selectOption('tag')
      await dialog(page).getByRole('button', { name: 'Try' }).click()
      await dialog(page).getByText(/is no regular expression/).waitFor()
      await tags.getByRole('textbox').fill('v[0-9.]+')
      await dialog(page).getByRole('button', { name: 'Try' }).click()
      await dialog(page).getByText('Deploys version v1.4.2').waitFor()
      await dialog(page).getByRole('textbox', { name: 'Tag', exact: true }).fill('v1.4.2-rc1')
      await dialog(page).getByRole('button', { name: 'Try' }).click()
      await dialog(page).getByText('no rule fits').waitFor()
      await settle(page)
      await look(page, 'trigger-rules')
      await dialog(page).getByRole('button', { name: 'Save' }).click()
      await dialog(page).waitFor({ state: 'hidden' })
      const kept = (await made.owner('GET', `/applications/${application.id}`)).environments.default.triggerSpec
      assert.deepEqual(kept.gitlab.push.tags.regex, ['v[0-9.]+'])
      await page.getByRole('combobox', { name: 'Event' }).selectOption('tag')
      await page.getByRole('button', { name: 'Try' }).click()
      await page.getByText('there are no rules for such events').waitFor()
      await page.getByText('Deploys version v1.4.2').waitFor()
    },
  },
  'an image is put into the catalogue with a word of the org’s own, and taken out': {
    as: 'rita',
    refused: /\b422\b/,
    async run({ page, base, settle, look }) {
      const name = `Queue ${Date.now()}`
      const code = `queue-${Date.now()}`
      await page.goto(`${base}/images`)
      await page.getByRole('button', { name: 'Dictionaries' }).click()
      await dialog(page).getByRole('textbox', { name: 'Code' }).fill(code)
      await dialog(page).getByRole('textbox', { name: 'Name' }).fill('Message queue')
      await dialog(page).getByRole('button', { name: 'Add a word' }).click()
      await dialog(page).getByText(code).waitFor()
      await settle(page)
      await look(page, 'image-words')
      await dialog(page).getByRole('button', { name: 'Done' }).click()
      await page.getByRole('button', { name: 'New image' }).click()
      await dialog(page).getByRole('textbox', { name: 'Name' }).fill(name)
      await dialog(page).getByRole('textbox', { name: 'Image' }).fill('Not An Image')
      await dialog(page).getByRole('combobox', { name: 'Type' }).selectOption(code)
      await dialog(page).getByRole('textbox', { name: 'Versions' }).fill('3.12 3.13')
      await dialog(page).getByRole('button', { name: 'Create' }).click()
      await dialog(page).getByRole('alert').filter({ hasText: 'is not an image name' }).waitFor()
      await dialog(page).getByRole('textbox', { name: 'Image' }).fill('team/queue')
      await dialog(page).getByRole('button', { name: 'Create' }).click()
      await page.getByRole('heading', { level: 1, name }).waitFor()
      await page.getByText('Message queue').waitFor()
      await page.getByText('3.13').waitFor()
      await page.getByText('As somebody wrote them down.').waitFor()
      await page.getByRole('button', { name: 'Remove' }).click()
      await dialog(page).getByRole('button', { name: 'Remove' }).click()
      await page.waitForURL(`${base}/images`)
      await page.getByRole('heading', { level: 1 }).waitFor()
      await settle(page)
      assert.equal(await page.getByRole('link', { name }).count(), 0)
    },
  },
  'a maintenance window begins when somebody says, and is called off': {
    as: 'rita',
    async run({ page, base, settle, made, look }) {
      const reason = `story ${Date.now()}`
      const local = (days) => page.evaluate((ms) => new Date(Date.now() + ms - new Date().getTimezoneOffset() * 60_000).toISOString().slice(0, 16), days * 86_400_000)
      const row = page.getByRole('row', { name: new RegExp(reason) })
      await page.goto(`${base}/alerts/silences?new=1`)
      await settle(page)
      await dialog(page).getByRole('textbox', { name: 'Reason' }).fill(reason)
      await dialog(page).getByRole('checkbox', { name: 'Info' }).click()
      await dialog(page).getByLabel('Begins').fill(await local(-2))
      await dialog(page).getByRole('button', { name: 'Silence' }).click()
      await dialog(page).getByRole('alert').filter({ hasText: 'It would be over already' }).waitFor()
      const starts = await local(2)
      await dialog(page).getByLabel('Begins').fill(starts)
      await dialog(page).getByRole('combobox', { name: 'For' }).selectOption('14400')
      await dialog(page).getByRole('button', { name: 'Silence' }).click()
      await row.getByText('Scheduled').waitFor()
      await settle(page)
      await look(page, 'silence-scheduled')
      const kept = (await made.owner('GET', '/alerts/silences?open=true')).items.find((one) => one.reason === reason)
      assert.equal(Date.parse(kept.endsAt) - Date.parse(kept.startsAt), 14_400_000)
      // The reader's own time, which need not be this process's.
      assert.equal(await page.evaluate((text) => new Date(text).getTime(), starts), Date.parse(kept.startsAt))
      await row.getByRole('button', { name: /^End: / }).click()
      await dialog(page).getByRole('button', { name: 'End' }).click()
      await row.getByText('Ended').waitFor()
    },
  },
}
