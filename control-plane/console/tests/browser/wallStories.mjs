/** The fleet on a wall, some of it beside each other, and views that are kept. Told in the org of `deliveryCast.mjs`. */
import assert from 'node:assert/strict'

export function wallPages({ fleet }) {
  const some = fleet.sound.slice(0, 3).join(',')
  return [
    ['wall', '/hosts/wall', 'rita'],
    ['wall-clusters', '/hosts/wall?by=cluster&show=memory&order=worst', 'rita'],
    ['wall-plain', '/hosts/wall?by=none&show=network&top=25', 'rita'],
    ['wall-none', '/hosts/wall?search=no-such-host', 'rita'],
    ['wall-looked-at', '/hosts/wall?by=label:wave&show=load', 'vera'],
    ['compare', `/hosts/compare?hosts=${some}`, 'rita'],
    ['compare-marked', `/hosts/compare?hosts=${fleet.broken[0]},${some}&hide=${fleet.sound[0]}&marks=1&range=24h`, 'rita'],
    ['compare-none', '/hosts/compare', 'rita'],
    ['compare-choosing', '/hosts/compare?add=1', 'vera'],
  ]
}

const map = (page) => page.getByRole('listbox', { name: /hosts$/ })
/** What a screen reader hears of the tile that the keyboard is at. */
const heard = (page) => map(page).getByRole('option').innerText()

export const wallStories = {
  'the wall is walked by keyboard, its hosts are compared, and the view is found again': {
    as: 'rita',
    async run({ page, base, settle, made, look }) {
      const hosts = (await made.owner('GET', '/hosts?limit=500')).items
      await page.goto(`${base}/hosts`)
      await settle(page)
      await page.getByRole('link', { name: 'Fleet wall', exact: true }).click()
      await settle(page)
      await page.getByRole('button', { name: 'Memory', exact: true }).click()
      await page.getByRole('combobox', { name: 'Group hosts' }).selectOption({ label: 'By label wave' })
      await page.waitForURL(/show=memory/)
      await page.waitForURL(/by=label/)
      await page.getByRole('heading', { level: 2, name: `${hosts.length} hosts` }).waitFor()

      // Its tiles by name: the first wave, the second, those without.
      const order = (wave) => hosts.filter((one) => one.labels.wave === wave).map((one) => one.name).sort(new Intl.Collator('en', { numeric: true }).compare)
      await map(page).focus()
      await page.keyboard.press('Control+Home')
      assert.match(await heard(page), new RegExp(`^${order('1')[0]}, Online, wave=1, CPU .+, Memory .+`))
      await page.keyboard.press('ArrowRight')
      assert.match(await heard(page), new RegExp(`^${order('1')[1]}, `))
      await page.keyboard.press('Space')
      await page.keyboard.press('PageDown')
      assert.match(await heard(page), new RegExp(`^${order('2')[0]}, Online, wave=2, `))
      await page.keyboard.press('Space')
      await page.getByText('2 hosts chosen').waitFor()
      await look(page, 'wall-chosen')
      await page.keyboard.press('Control+Home')
      await page.keyboard.press('Enter')
      await page.getByRole('heading', { level: 1, name: order('1')[0] }).waitFor()
      await page.goBack()
      await settle(page)

      // The view has a name, in this browser.
      await page.getByRole('button', { name: 'Views' }).click()
      await page.getByRole('menuitem', { name: 'Save or remove views…' }).click()
      await page.getByText('Kept in this browser only.').waitFor()
      await page.getByRole('dialog').getByRole('textbox', { name: 'Name' }).fill('Waves by memory')
      await page.keyboard.press('Enter')
      await page.getByRole('dialog').waitFor({ state: 'detached' })
      await page.goto(`${base}/hosts/wall`)
      await settle(page)
      await page.getByRole('button', { name: 'Views' }).click()
      await page.getByRole('menuitemradio', { name: 'Waves by memory' }).click()
      await page.waitForURL(/by=label(%3A|:)wave&show=memory/)

      // The pointer: what is under it, and what was chosen with the shift key.
      const box = await map(page).boundingBox()
      const tile = { x: 10, y: 54 }
      await page.mouse.move(box.x + tile.x, box.y + tile.y)
      await page.locator('.tile-card').getByText(order('1')[0], { exact: true }).waitFor()
      await map(page).click({ position: tile, modifiers: ['Shift'] })
      await page.getByText('1 host chosen').waitFor()
      assert.ok(await page.getByRole('button', { name: 'Compare', exact: true }).isDisabled())
      await page.getByRole('link', { name: /^Compare the first/ }).click()
      await page.waitForURL(/compare/)
      const compared = page.getByRole('list', { name: 'Hosts that are compared' }).getByRole('listitem')
      await compared.nth(7).waitFor()
      assert.equal(await compared.count(), 8)
    },
  },
  'hosts of the list are compared, one is hidden, another one taken in, and the time is in the address': {
    as: 'vera',
    async run({ page, base, settle, made }) {
      const [first, second, third] = (await made.owner('GET', '/hosts?limit=3')).items
      await page.goto(`${base}/hosts`)
      await settle(page)
      const compare = page.getByRole('button', { name: 'Compare', exact: true })
      await page.getByRole('checkbox', { name: `Choose ${first.name}`, exact: true }).check()
      assert.ok(await compare.isDisabled())
      await page.getByRole('checkbox', { name: `Choose ${second.name}`, exact: true }).check()
      await compare.click()
      await page.waitForURL((url) => url.searchParams.get('hosts') === `${first.id},${second.id}`)
      await settle(page)
      const cpu = page.getByRole('figure').filter({ has: page.getByRole('heading', { name: 'CPU', exact: true }) })
      await cpu.getByText(second.name, { exact: true }).waitFor()
      await page.getByRole('button', { name: second.name, exact: true, pressed: true }).click()
      await cpu.getByText(second.name, { exact: true }).waitFor({ state: 'detached' })
      await page.waitForURL((url) => url.searchParams.get('hide') === second.id)

      await page.getByRole('button', { name: 'Add host' }).click()
      await page.getByRole('dialog').getByRole('searchbox').fill(third.name)
      await page.getByRole('dialog').getByRole('checkbox', { name: new RegExp(`^${third.name}(\\s|$)`) }).check()
      await page.getByRole('dialog').getByRole('button', { name: 'Done' }).click()
      await cpu.getByText(third.name, { exact: true }).waitFor()
      await page.getByRole('button', { name: `Take ${first.name} out` }).click()
      await page.waitForURL((url) => url.searchParams.get('hosts') === `${second.id},${third.id}`)

      const plot = await cpu.getByRole('img').boundingBox()
      const across = (part) => page.mouse.move(plot.x + plot.width * part, plot.y + 60)
      await across(0.5)
      await page.mouse.down()
      await across(0.7)
      await page.mouse.up()
      await page.waitForURL((url) => url.searchParams.has('zoom'))
      await page.getByRole('button', { name: 'Back to the whole range' }).click()
      await page.waitForURL((url) => !url.searchParams.has('zoom'))
    },
  },
}
