/** What one does with containers and versions of a real engine, a real agent and a real registry, by clicking. */
import assert from 'node:assert/strict'

const dialog = (page) => page.getByRole('dialog')

/** The first thing of a list that fits. */
async function find({ page, base }, path, fits) {
  const answer = await page.request.get(`${base}/api/v1${path}`)
  assert.ok(answer.ok(), `GET ${path}: ${answer.status()}`)
  const thing = (await answer.json()).items.find(fits)
  assert.ok(thing, `there is nothing at ${path} to tell the story with`)
  return thing
}

export const containerStories = {
  'a container is stopped, started and restarted, and its log is read': {
    async run(tools) {
      const { page, base, settle, look } = tools
      const one = () => find(tools, '/containers?search=web', (seen) => seen.name === 'web' && seen.present)
      const before = await one()
      await page.goto(`${base}/containers?search=web`)
      await page.getByRole('link', { name: 'web', exact: true }).first().click()
      await page.waitForURL(/\/container\/web/)
      await settle(page)
      const log = page.getByRole('log')
      await log.getByText('response:200').first().waitFor()
      await page.getByRole('searchbox', { name: /log/i }).fill('response:200')
      await log.locator('mark').first().waitFor()

      await page.getByRole('button', { name: 'Stop', exact: true }).click()
      await dialog(page).getByText('It serves nobody from then on').waitFor()
      await dialog(page).getByRole('textbox').fill('0')
      await look(page, 'container-stop')
      await dialog(page).getByRole('button', { name: 'Stop', exact: true }).click()
      await page.getByText('It was stopped.').waitFor()
      await page.getByText('Exited', { exact: true }).waitFor()
      assert.equal(await page.getByRole('button', { name: 'Restart' }).count(), 0)
      assert.equal((await one()).state, 'exited')
      // What it wrote can still be read.
      await log.getByText('response:200').first().waitFor()
      await look(page, 'container-stopped')

      await page.getByRole('button', { name: 'Start', exact: true }).click()
      await dialog(page).getByRole('button', { name: 'Start', exact: true }).click()
      await page.getByText('It was started.').waitFor()
      await page.getByRole('button', { name: 'Restart' }).waitFor()
      const started = await one()
      assert.equal(started.state, 'running')
      assert.ok(Date.parse(started.startedAt) > Date.parse(before.startedAt))

      await page.getByRole('button', { name: 'Restart' }).click()
      await dialog(page).getByRole('textbox').fill('0')
      await dialog(page).getByRole('button', { name: 'Restart' }).click()
      await page.getByText('It was restarted.').waitFor()
      const again = await one()
      assert.equal(again.state, 'running')
      assert.ok(Date.parse(again.startedAt) >= Date.parse(started.startedAt))
      await page.getByRole('button', { name: 'Stop', exact: true }).waitFor()
    },
  },
  'versions stand in one list, from the registry and from CI, and one of them is deployed': {
    async run(tools) {
      const { page, base, settle, look } = tools
      const web = await find(tools, '/applications', (seen) => seen.name === 'web')
      const { csrfToken } = await (await page.request.get(`${base}/api/v1/me`)).json()
      const reported = await page.request.put(`${base}/api/v1/applications/${web.id}/versions/1.1.0`, {
        headers: { 'x-csrf-token': csrfToken },
        data: { status: 'built', commit: '4f1c2d7e9a', branch: 'main', message: 'Serve the second page', log: 'Step 1/5 : FROM scratch\nSuccessfully built\n' },
      })
      assert.ok(reported.ok(), `${reported.status()} ${await reported.text()}`)
      await page.goto(`${base}/applications/${web.id}`)
      await page.getByRole('link', { name: 'Versions' }).click()
      await page.getByText(/tags in the registry; read/).waitFor()
      const row = (version) => page.getByRole('row').filter({ has: page.getByRole('button', { name: `Deploy: ${version}`, exact: true }) })
      await row('1.0.0').getByRole('link', { name: 'default' }).waitFor()
      await row('1.1.0').getByText('Built').waitFor()
      await row('1.3.0').getByText('not reported').waitFor()
      await row('1.1.0').getByRole('button', { name: 'Log: 1.1.0' }).click()
      await dialog(page).getByText('Step 1/5 : FROM scratch').waitFor()
      await settle(page)
      await look(page, 'build-log')
      await dialog(page).getByRole('button', { name: 'Close' }).last().click()
      await row('1.1.0').getByRole('button', { name: 'Deploy: 1.1.0' }).click()
      assert.equal(await dialog(page).getByRole('textbox', { name: 'Version' }).inputValue(), '1.1.0')
      await dialog(page).getByRole('button', { name: 'Deploy' }).click()
      await page.waitForURL(/\/deployments\//)
      await page.getByRole('button', { name: 'Deploy again' }).waitFor()
      await page.goto(`${base}/applications/${web.id}/versions`)
      await row('1.1.0').getByRole('link', { name: 'default' }).waitFor()
    },
  },
  'a registry is looked about in': {
    async run(tools) {
      const { page, base, settle, look } = tools
      const registry = await find(tools, '/registries', (seen) => seen.name.startsWith('web-'))
      await page.goto(`${base}/registries`)
      await page.getByRole('link', { name: registry.name }).click()
      await page.getByRole('button', { name: 'muster/web', exact: true }).click()
      await page.getByRole('cell', { name: '1.0.0' }).waitFor()
      await page.getByRole('cell', { name: /^sha256:[0-9a-f]{64}$/ }).first().waitFor()
      await settle(page)
      await look(page, 'registry')
    },
  },
}
