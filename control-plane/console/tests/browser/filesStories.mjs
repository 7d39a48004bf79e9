/** Files: uploaded, broken off and gone on with, moved, downloaded and deleted. Told in the org of `deliveryCast.mjs`. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'

const EMPTY = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
const dialog = (page) => page.getByRole('dialog')
const row = (page, name) => page.getByRole('row', { name: new RegExp(name) })

/** Something to look at. */
export async function filesCast({ owner }) {
  const folder = await owner('POST', '/files', { name: 'Releases' })
  await owner('POST', '/files', { name: 'Licences', parentId: folder.id })
  const upload = await owner('POST', '/files/uploads', { name: 'placeholder.txt', parentId: folder.id, size: 0, hash: EMPTY })
  await owner('POST', `/files/uploads/${upload.id}/complete`)
  return { folder }
}

export function filesPages({ files }) {
  return [
    ['files', '/files', 'rita'],
    ['files-folder', `/files/${files.folder.id}`, 'rita'],
    ['files-none', '/files?search=no-such-file', 'rita'],
    ['files-mine', '/files?whose=mine', 'rita'],
    ['files-new', '/files?new=1', 'rita'],
    ['files-sends', '/files/sends', 'rita'],
    ['files-looked-at', '/files', 'vera'],
  ]
}

export const filesStories = {
  'a file is uploaded over a line that breaks, renamed, moved, downloaded and deleted': {
    as: 'rita',
    // The lost piece.
    refused: /503/,
    async run({ page, base, settle, made, look }) {
      const name = `story-${Date.now()}`
      const bytes = Buffer.alloc(5 << 20, 'muster')
      let broken = 0
      // Of the second piece, the first try is lost.
      await page.route('**/files/uploads/*/content?offset=2097152', async (route) => {
        broken += 1
        if (broken === 1) await route.fulfill({ status: 503, contentType: 'application/problem+json', body: '{}' })
        else await route.continue()
      })
      await page.goto(`${base}/files`)
      await settle(page)
      await page.locator('input[type=file]').setInputFiles({ name: `${name}.bin`, mimeType: 'application/octet-stream', buffer: bytes })
      await page.getByRole('region', { name: 'Uploads' }).getByText('Done').waitFor()
      assert.equal(broken, 2)
      await row(page, `${name}.bin`).waitFor()
      await look(page, 'files-uploaded')
      await page.getByRole('button', { name: 'Clear finished ones' }).click()

      await page.getByRole('button', { name: `Actions: ${name}.bin` }).click()
      await page.getByRole('menuitem', { name: 'Rename…' }).click()
      await dialog(page).getByRole('textbox', { name: 'Name' }).fill(`${name}.tar`)
      await dialog(page).getByRole('button', { name: 'Save' }).click()
      await row(page, `${name}.tar`).waitFor()

      await page.getByRole('button', { name: `Actions: ${name}.tar` }).click()
      await page.getByRole('menuitem', { name: 'Move…' }).click()
      await dialog(page).getByRole('button', { name: 'Releases' }).click()
      await look(page, 'files-move')
      await dialog(page).getByRole('button', { name: 'Move to Releases' }).click()
      await row(page, `${name}.tar`).waitFor({ state: 'detached' })

      await page.getByRole('button', { name: 'Folder: Releases' }).click()
      await row(page, `${name}.tar`).waitFor()
      const loading = page.waitForEvent('download')
      await page.getByRole('link', { name: `${name}.tar` }).click()
      const loaded = await loading
      assert.equal(loaded.suggestedFilename(), `${name}.tar`)
      assert.ok(readFileSync(await loaded.path()).equals(bytes))

      await page.getByRole('button', { name: `Actions: ${name}.tar` }).click()
      await page.getByRole('menuitem', { name: 'Delete' }).click()
      await dialog(page).getByRole('button', { name: 'Delete' }).click()
      await row(page, `${name}.tar`).waitFor({ state: 'detached' })
      assert.deepEqual((await made.owner('GET', `/files?search=${name}`)).items, [])
    },
  },
}
