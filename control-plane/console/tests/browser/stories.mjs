/** What a person does with the console. Each begins on a page of its own, signed in unless it says otherwise. */
import assert from 'node:assert/strict'

/** The first host's page with its charts drawn, or null if there is no host. */
async function hostPage({ page, base, settle }) {
  const answer = await page.request.get(`${base}/api/v1/hosts?limit=1`)
  const host = (await answer.json()).items[0]
  if (!host) return null
  await page.goto(`${base}/hosts/${host.id}`)
  await settle(page)
  await page.locator('.chart canvas').first().waitFor()
  return host
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
      if (!(await hostPage(tools))) return
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
      if (!(await hostPage(tools))) return
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
}
