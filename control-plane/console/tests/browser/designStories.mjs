/** Designing tables and publishing them. Told in the org of `deliveryCast.mjs`; a server of it is reached by a simulated host. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'

const dialog = (page) => page.getByRole('dialog')
const cell = (page, title, name) => page.getByLabel(`${title}: ${name}`, { exact: true })

const TABLES = `
apiVersion: v1alpha1
kind: DatabaseSnapshot
metadata: {name: shop, label: Shop}
spec:
  basic: {name: shop, comment: What customers order, type: Postgres}
---
apiVersion: v1alpha1
kind: TableSnapshot
metadata: {name: customer, label: Customers}
spec:
  database: shop
  comment: Who buys
  columns:
    - {name: id, dataType: bigint, primaryKey: true, autoInc: true}
    - {name: mail, dataType: varchar(255), notNull: true, unique: true, comment: Where receipts go}
    - {name: created_at, dataType: timestamptz, notNull: true, defaultValue: now()}
---
apiVersion: v1alpha1
kind: TableSnapshot
metadata: {name: purchase}
spec:
  database: shop
  comment: What somebody bought
  columns:
    - {name: id, dataType: bigint, primaryKey: true, autoInc: true}
    - {name: customer_id, dataType: bigint, notNull: true, reference: {table: customer, column: id, enforced: true, onDelete: restrict}}
    - {name: total, dataType: "decimal(12,2)", notNull: true, defaultValue: "0"}
    - {name: campaign_id, dataType: bigint, reference: {table: campaign, column: id}}
  index:
    - {name: ix_purchase_customer, columns: [{name: customer_id}, {name: total, sorting: DESC}]}
  checks:
    - {name: ck_purchase_total, expression: total >= 0}
---
apiVersion: v1alpha1
kind: TableSnapshot
metadata: {name: campaign}
spec:
  database: shop
  columns:
    - {name: id, dataType: bigint, primaryKey: true}
    - {name: title, dataType: varchar(64)}
---
apiVersion: v1alpha1
kind: Project
metadata: {name: orders}
spec: {databases: [shop]}
`

/** Applies documents as somebody who has no page. */
async function applied(made, text) {
  const { applied } = await made.apply(text)
  return applied
}

/** The design of a shop, and a server that it can be published to. */
export async function designCast(made) {
  const { owner, fleet } = made
  await owner('POST', '/schema/servers', { label: 'shop-db', ip: '10.0.0.9', environment: 'live', type: 'Postgres', username: 'release', password: 'not a real one', hostId: fleet.sound[0], databases: ['shop'] })
  await applied(made, TABLES)
  await applied(made, TABLES.replace('varchar(64)', 'varchar(120)'))
  const { items } = await owner('GET', '/schema/documents')
  made.designs = Object.fromEntries(items.map((one) => [one.name, one.id]))
}

export function designPages({ designs }) {
  return [
    ['designs', '/designs', 'rita'],
    ['designs-none', '/designs?search=no-such-design', 'rita'],
    ['designs-looked-at', '/designs?database=shop', 'vera'],
    ['designs-apply', '/designs?do=apply', 'rita'],
    ['designs-import', '/designs?do=import', 'rita'],
    ['designs-publish', '/designs?do=publish&database=shop', 'rita'],
    ['designs-new-database', '/designs?do=database', 'rita'],
    ['design-new', '/designs/new?database=shop', 'rita'],
    ['design-table', `/designs/${designs.purchase}`, 'rita'],
    ['design-table-looked-at', `/designs/${designs.purchase}`, 'vera'],
    ['design-database', `/designs/${designs.shop}`, 'rita'],
    ['design-revisions', `/designs/${designs.campaign}/revisions`, 'rita'],
    ['design-missing', '/designs/01890000-0000-7000-8000-00000000dead', 'rita'],
    ['diagram', '/designs/diagram?database=shop', 'rita'],
  ]
}

export const designStories = {
  'a table is designed by keyboard, published, and its second revision compared': {
    as: 'rita',
    refused: /\b422\b/,
    async run({ page, base, settle, look, made }) {
      await page.goto(`${base}/designs?database=shop`)
      await page.getByRole('button', { name: 'New table' }).click()
      await page.waitForURL(/\/designs\/new/)
      await page.getByRole('textbox', { name: 'Table name' }).fill('invoice')
      await cell(page, 'Column', 'id').focus()
      await page.keyboard.press('Enter')
      await page.keyboard.type('note')
      await page.keyboard.press('Tab')
      await page.keyboard.type('varchar(64)')
      await page.keyboard.press('Enter')
      await page.keyboard.type('purchase_id')
      await page.keyboard.press('Tab')
      await page.keyboard.type('bigint')
      await cell(page, 'Refers to', 'purchase_id').fill('purchase.id')
      await page.getByRole('checkbox', { name: 'The database holds to purchase.id' }).click()
      // Up by one, and the cursor goes with it; then to the row below.
      await cell(page, 'Column', 'purchase_id').focus()
      await page.keyboard.press('Alt+ArrowUp')
      await page.keyboard.press('ArrowDown')
      await page.waitForFunction(() => document.activeElement.value === 'note')
      assert.deepEqual(await page.getByRole('textbox', { name: /^Column: / }).evaluateAll((all) => all.map((one) => one.value)), ['id', 'purchase_id', 'note'])
      await page.keyboard.press('Enter')
      await page.keyboard.press('Alt+Delete')
      await page.waitForFunction(() => document.activeElement.value === 'note')
      const sql = page.getByRole('region', { name: 'From nothing' })
      await sql.filter({ hasText: 'create table public.invoice' }).filter({ hasText: 'foreign key' }).waitFor()
      // A type that is none is said at its column.
      await cell(page, 'Data type', 'note').fill('varchar(64')
      await page.getByRole('alert').filter({ hasText: 'There is no SQL of it yet' }).waitFor()
      assert.equal(await cell(page, 'Data type', 'note').getAttribute('aria-invalid'), 'true')
      await settle(page)
      await look(page, 'design-wrong')
      await cell(page, 'Data type', 'note').fill('varchar(64)')
      await page.getByText('Not saved yet').waitFor()
      await page.keyboard.press('Control+s')
      await page.waitForURL(/\/designs\/[0-9a-f-]{36}$/)
      const path = page.url()
      const id = path.split('/').pop()

      await page.getByRole('button', { name: 'Publish' }).click()
      await dialog(page).getByRole('textbox', { name: 'Version' }).fill('1.0-invoice')
      await dialog(page).getByRole('combobox', { name: 'What' }).selectOption({ label: 'The whole database' })
      await dialog(page).getByRole('checkbox', { name: /shop-db/ }).waitFor()
      await dialog(page).getByRole('button', { name: 'Show what would run' }).click()
      await dialog(page).getByText('drop table public.invoice').waitFor()
      await dialog(page).getByText('create table public.invoice').first().waitFor()
      assert.deepEqual((await made.owner('GET', '/schema/tickets')).items, [], 'looking opens no ticket')
      await settle(page)
      await look(page, 'publish-preview')
      await dialog(page).getByRole('button', { name: 'Open the ticket' }).click()
      await page.waitForURL(/\/releases\/tickets\//)
      await page.getByRole('heading', { level: 1, name: '1.0-invoice' }).waitFor()
      await page.getByText('create table public.invoice').first().waitFor()

      await page.goto(path)
      await cell(page, 'Column', 'note').fill('remark')
      await cell(page, 'Data type', 'remark').fill('varchar(200)')
      await page.getByRole('region', { name: 'From the saved one' }).filter({ hasText: 'rename column note to remark' }).waitFor()
      await page.getByRole('button', { name: 'Save', exact: true }).click()
      await page.getByText('Saved.').waitFor()
      await page.getByRole('link', { name: /Revisions/ }).click()
      const changes = page.getByRole('list', { name: 'What is different' })
      await changes.getByRole('listitem').filter({ hasText: 'columns[note].name' }).filter({ hasText: 'remark' }).waitFor()
      await changes.getByRole('listitem').filter({ hasText: 'columns[note].dataType' }).filter({ hasText: 'varchar(200)' }).waitFor()
      await settle(page)
      await look(page, 'design-second-revision')
      await page.getByRole('button', { name: 'Restore revision 1' }).click()
      await dialog(page).getByRole('button', { name: 'Restore' }).click()
      await page.getByRole('row', { name: /Revision 3/ }).filter({ hasText: 'Restored' }).waitFor()
      const seen = await made.owner('GET', `/schema/documents/${id}`)
      assert.deepEqual([seen.revision, seen.spec.columns.at(-1).name], [3, 'note'])
    },
  },
  'two people change a table at once, and nothing of either is lost': {
    as: 'rita',
    refused: /\b409\b/,
    async run({ page, base, settle, look, made }) {
      await page.goto(`${base}/designs/${made.designs.customer}`)
      await cell(page, 'Data type', 'mail').fill('varchar(200)')
      await page.getByText('Not saved yet').waitFor()
      await applied(made, TABLES.split('---')[1].replace('comment: Who buys', 'comment: Customers').replace('varchar(255)', 'text').replace('varchar(64)', 'varchar(120)'))
      await page.getByRole('button', { name: 'Save', exact: true }).click()
      await dialog(page).getByRole('heading', { name: 'Somebody was faster' }).waitFor()
      await dialog(page).getByText('Customers').waitFor()
      await dialog(page).getByText('You both changed this').waitFor()
      await settle(page)
      await look(page, 'design-conflict')
      await dialog(page).getByRole('button', { name: 'Put mine on top' }).click()
      assert.equal(await page.getByRole('textbox', { name: 'Comment', exact: true }).inputValue(), 'Customers')
      assert.equal(await cell(page, 'Data type', 'mail').inputValue(), 'varchar(200)')
      await page.getByRole('button', { name: 'Save', exact: true }).click()
      await page.getByText('Saved.').waitFor()
      const { spec, revision } = await made.owner('GET', `/schema/documents/${made.designs.customer}`)
      assert.deepEqual([spec.comment, spec.columns[1].dataType, revision], ['Customers', 'varchar(200)', 3])
      // What is not saved outlives a reload; the text and the rows are the same thing.
      await page.getByRole('tab', { name: 'YAML' }).click()
      const text = page.getByRole('textbox', { name: 'Document', exact: true })
      await text.fill((await text.inputValue()).replace('comment: Customers', 'comment: All customers'))
      await page.waitForFunction(() => [...document.querySelectorAll('input')].some((one) => one.value === 'All customers'))
      await page.reload()
      await page.getByText('Not saved yet').waitFor()
      assert.equal(await page.getByRole('textbox', { name: 'Comment', exact: true }).inputValue(), 'All customers')
      await page.getByRole('button', { name: 'Discard' }).click()
      await dialog(page).getByRole('button', { name: 'Discard' }).click()
      await page.waitForFunction(() => [...document.querySelectorAll('input')].every((one) => one.value !== 'All customers'))
    },
  },
  'documents are applied whole or not at all, and DDL comes in beside them': {
    as: 'rita',
    refused: /\b422\b/,
    async run({ page, base, settle, look, made }) {
      await page.goto(`${base}/designs`)
      await page.getByRole('button', { name: 'More' }).click()
      await page.getByRole('menuitem', { name: 'Apply documents' }).click()
      const text = dialog(page).getByRole('textbox', { name: 'Documents' })
      const wrong = TABLES.replaceAll('shop', 'stock').replace('unique: true', 'uniq: true').replace('kind: Project', 'kind: Projekt')
      await text.fill(wrong)
      await dialog(page).getByRole('button', { name: 'Apply', exact: true }).click()
      const faults = dialog(page).getByRole('alert')
      await faults.getByText('2 things are wrong').waitFor()
      await faults.getByRole('button', { name: /uniq/ }).click()
      assert.match(await text.evaluate((box) => box.value.slice(box.selectionStart, box.selectionEnd)), /uniq: true/)
      await settle(page)
      await look(page, 'apply-refused')
      await text.fill(wrong.replace('uniq:', 'unique:').replace('Projekt', 'Project').replace('{name: orders}', '{name: stock-keeping}'))
      await dialog(page).getByRole('button', { name: 'Check' }).click()
      await dialog(page).getByText('5 documents are right').waitFor()
      await dialog(page).getByRole('button', { name: 'Apply', exact: true }).click()
      await dialog(page).getByText('5 documents applied').waitFor()
      await settle(page)
      await look(page, 'applied')
      await dialog(page).getByRole('button', { name: 'Close' }).last().click()

      await page.goto(`${base}/designs?do=import&database=stock`)
      await dialog(page).getByRole('textbox', { name: 'DDL' }).fill('create table campaign (id bigint primary key, title varchar(80) not null, budget int);\ncreate table shelf (id int primary key);')
      await dialog(page).getByRole('button', { name: 'Compare' }).click()
      await dialog(page).getByText('columns[title].dataType').waitFor()
      await settle(page)
      await look(page, 'import-compared')
      await dialog(page).getByRole('region', { name: 'campaign' }).getByRole('checkbox', { name: 'Take columns[title]' }).click()
      await dialog(page).getByRole('button', { name: 'Apply 2 documents' }).click()
      await dialog(page).getByText('2 documents applied').waitFor()
      const { items } = await made.owner('GET', '/schema/documents?database=stock&search=campaign')
      const { spec } = await made.owner('GET', `/schema/documents/${items[0].id}`)
      assert.deepEqual(spec.columns.map((one) => one.dataType), ['bigint', 'varchar(64)', 'integer'], 'the column that was not taken stays')
      await dialog(page).getByRole('link', { name: 'shelf' }).click()
      await page.getByRole('heading', { level: 1, name: 'shelf' }).waitFor()
    },
  },
  'what others need can’t be deleted, and the page says who they are': {
    as: 'rita',
    async run({ page, base, made }) {
      await applied(made, TABLES.split('---')[3].replace('name: campaign', 'name: leftover'))
      await page.goto(`${base}/designs/${made.designs.campaign}`)
      await page.getByRole('link', { name: 'purchase' }).waitFor()
      assert.ok(await page.getByRole('button', { name: 'Delete' }).isDisabled())
      await page.goto(`${base}/designs?search=LEFTOVER`)
      await page.getByRole('link', { name: 'leftover' }).click()
      await page.getByRole('button', { name: 'Delete' }).click()
      await dialog(page).getByRole('textbox').fill('leftover')
      await dialog(page).getByRole('button', { name: 'Delete' }).click()
      await page.waitForURL(`${base}/designs`)
      assert.deepEqual((await made.owner('GET', '/schema/documents?search=leftover')).items, [])
    },
  },
  'the diagram tells what the database holds to from what is on paper, on the page and as a picture': {
    as: 'rita',
    async run({ page, base, settle }) {
      await page.goto(`${base}/designs/diagram?database=shop`)
      await settle(page)
      await page.locator('.vue-flow__edge.enforced').first().waitFor()
      await page.locator('.vue-flow__edge.on-paper').first().waitFor()
      const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Export as SVG' }).click()])
      assert.equal(download.suggestedFilename(), 'shop.svg')
      const picture = readFileSync(await download.path(), 'utf8')
      assert.match(picture, /^<svg [\s\S]*customer_id[\s\S]*<\/svg>\n$/)
      assert.ok(picture.includes('stroke-dasharray'))
      await page.getByText('Tables and references').click()
      await page.getByRole('link', { name: 'campaign' }).last().click()
      await page.getByRole('heading', { level: 1, name: 'campaign' }).waitFor()
    },
  },
}
