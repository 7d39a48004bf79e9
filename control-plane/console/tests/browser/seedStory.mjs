/**
 * The whole way of a change to a database, by clicking, on a real PostgreSQL and a real MariaDB through a real agent: two
 * tables with a reference are designed and published to test, rejected, mended, approved, released and executed; somebody
 * changes the database by hand, which is seen and taken into the design; prod needs two approvals, and a push executes it.
 */
import assert from 'node:assert/strict'
import { PASSWORD } from './cast.mjs'
import { push, seedCast } from './seedCast.mjs'

const VERSION = '1.0.Release'
const MESSAGE = 'release: 1.0.Release (prod#1.0.Release)'

const PROJECT = `apiVersion: v1alpha1
kind: Project
metadata: {name: library, label: Library}
spec: {description: Books and where they stand, databases: [library, depot]}
`

const dialog = (page) => page.getByRole('dialog')
const closed = (page) => dialog(page).waitFor({ state: 'detached' })
const cell = (page, title, name) => page.getByLabel(`${title}: ${name}`, { exact: true })

async function signIn(page, base, login) {
  await page.goto(`${base}/sign-in`)
  await page.locator('input[autocomplete=username]').fill(login)
  await page.locator('input[autocomplete=current-password]').fill(PASSWORD)
  await page.keyboard.press('Enter')
  await page.waitForURL(`${base}/`)
}

async function newDatabase(page, base, name, comment, kind) {
  await page.goto(`${base}/designs`)
  await page.getByRole('button', { name: 'More' }).click()
  await page.getByRole('menuitem', { name: 'New database' }).click()
  await dialog(page).getByRole('textbox', { name: 'Database name' }).fill(name)
  await dialog(page).getByRole('textbox', { name: 'Comment' }).fill(comment)
  await dialog(page).getByRole('combobox', { name: 'Kind of database' }).selectOption({ label: kind })
  await dialog(page).getByRole('button', { name: 'Create' }).click()
  await closed(page)
  await page.getByRole('link', { name, exact: true }).waitFor()
}

/** Begins a table, which has its id already. */
async function newTable(page, name) {
  await page.getByRole('button', { name: 'New table' }).click()
  await page.waitForURL(/\/designs\/new/)
  await page.getByRole('textbox', { name: 'Table name' }).fill(name)
}

/** A row below another, by keyboard. */
async function column(page, above, name, type) {
  await cell(page, 'Column', above).focus()
  await page.keyboard.press('Enter')
  await page.keyboard.type(name)
  await page.keyboard.press('Tab')
  await page.keyboard.type(type)
  await cell(page, 'Must have a value', name).check()
}

/** Saves a new document; where it is from then on. */
async function saved(page) {
  await page.keyboard.press('Control+s')
  await page.waitForURL(/\/designs\/[0-9a-f-]{36}$/)
  return page.url()
}

/** Looks at what would run, which has to show all of `shows`, and opens the ticket. */
async function publish(page, base, { database, version, environment, server, shows, picture }) {
  await page.goto(`${base}/designs?database=${database}`)
  await page.getByRole('button', { name: 'Publish' }).click()
  await dialog(page).getByRole('textbox', { name: 'Version' }).fill(version)
  await dialog(page).getByRole('textbox', { name: 'Project' }).fill('library')
  await dialog(page).getByRole('combobox', { name: 'Environment' }).selectOption(environment)
  await dialog(page).getByRole('checkbox', { name: server, checked: true }).waitFor()
  await dialog(page).getByRole('button', { name: 'Show what would run' }).click()
  for (const text of shows) await dialog(page).getByText(text).first().waitFor()
  await picture?.()
  await dialog(page).getByRole('button', { name: 'Open the ticket' }).click()
  await page.waitForURL(/\/releases\/tickets\//)
  await page.getByRole('heading', { level: 1, name: version }).waitFor()
}

/** Goes to the ticket that waits for whoever looks. */
async function openTicket(page, base, version) {
  await page.goto(`${base}/releases/tickets?status=mine`)
  await page.getByRole('link', { name: version }).click()
  await page.waitForURL(/\/releases\/tickets\//)
  await page.getByRole('heading', { level: 1, name: version }).waitFor()
}

async function approve(page, expected) {
  await page.getByRole('button', { name: 'Approve', exact: true }).click()
  await dialog(page).getByText(expected).waitFor()
  await dialog(page).getByRole('button', { name: 'Approve', exact: true }).click()
}

/** The last approval, which makes the release. */
async function release(page) {
  await approve(page, 'This makes the release')
  await page.waitForURL(/\/releases\/[0-9a-f-]{36}\/run$/)
}

async function execute(page, server) {
  await page.getByRole('button', { name: `Execute on ${server}` }).click()
  await dialog(page).getByRole('button', { name: 'Execute', exact: true }).click()
  await page.waitForURL(/\/releases\/executions\//)
  await succeeded(page)
}

/** Waits until an execution has ended, however it did. */
async function succeeded(page) {
  const end = page.getByText(/^(Succeeded|Failed|Rolled back|Cancelled|Needs a person)$/).first()
  await end.waitFor()
  assert.equal((await end.innerText()).trim(), 'Succeeded')
}

/** Has the agent look at a database, which then is as `state` says. */
async function lookAt(page, base, server, database, state) {
  await page.goto(`${base}/databases/drift?search=${server}`)
  await page.getByRole('button', { name: database, exact: true }).click()
  await dialog(page).getByRole('button', { name: 'Look now' }).click()
  await dialog(page).getByText(state, { exact: true }).waitFor()
}

/** A table whose `column` the database holds to the other's id. */
async function referring(page, { name, above, reference, column: to, sql }) {
  await column(page, above, to, 'bigint')
  await cell(page, 'Refers to', to).fill(reference)
  await page.getByRole('checkbox', { name: `The database holds to ${reference}` }).click()
  await page.getByRole('region', { name: 'From nothing' }).filter({ hasText: sql }).filter({ hasText: 'foreign key' }).waitFor()
  await saved(page)
  await page.getByRole('heading', { level: 1, name }).waitFor()
}

/** The design of the library, as iris makes it: two tables, and what the database is called in prod. */
async function designLibrary({ page, base, settle, look }) {
  await newDatabase(page, base, 'library', 'Books and who wrote them', 'PostgreSQL')
  await newTable(page, 'author')
  await column(page, 'id', 'name', 'varchar(20)')
  const author = await saved(page)
  await page.goto(`${base}/designs?database=library`)
  await newTable(page, 'book')
  await column(page, 'id', 'title', 'varchar(200)')
  await referring(page, { name: 'book', above: 'title', column: 'author_id', reference: 'author.id', sql: 'create table public.book' })
  await settle(page)
  await look(page, 'seed-table')
  await page.goto(`${base}/designs?database=library`)
  await page.getByRole('link', { name: 'library', exact: true }).click()
  const text = page.getByRole('textbox', { name: 'Document', exact: true })
  await text.fill(`${(await text.inputValue()).trimEnd()}\n  names:\n    pg-prod: library_prod\n`)
  await page.getByRole('button', { name: 'Save', exact: true }).click()
  await page.getByText('Saved.').waitFor()
  return author
}

/** The design of the depot, for MariaDB; and the project of both. */
async function designDepot({ page, base }) {
  await newDatabase(page, base, 'depot', 'Where books stand', 'MySQL / MariaDB')
  await newTable(page, 'shelf')
  await column(page, 'id', 'name', 'varchar(80)')
  await saved(page)
  await page.goto(`${base}/designs?database=depot`)
  await newTable(page, 'box')
  await referring(page, { name: 'box', above: 'id', column: 'shelf_id', reference: 'shelf.id', sql: /create table .?box/ })
  await page.goto(`${base}/projects`)
  await page.getByRole('button', { name: 'Apply documents' }).click()
  await dialog(page).getByRole('textbox', { name: 'Documents' }).fill(PROJECT)
  await dialog(page).getByRole('button', { name: 'Apply', exact: true }).click()
  await dialog(page).getByText('1 document applied').waitFor()
}

/** Published to test, rejected with a reason, mended in the design, sent again, approved, executed. */
async function toTest({ base, settle, look, iris, jon, author, sql }) {
  await publish(iris, base, { database: 'library', version: VERSION, environment: 'test', server: 'pg-test', shows: ['create table public.author', /foreign key/] })
  await openTicket(jon, base, VERSION)
  await jon.getByRole('button', { name: 'Reject', exact: true }).click()
  await dialog(jon).getByRole('textbox', { name: 'Reason' }).fill('Names are longer than that.')
  await dialog(jon).getByRole('button', { name: 'Reject', exact: true }).click()
  await jon.getByText('Rejected', { exact: true }).first().waitFor()

  await iris.goto(`${base}/inbox`)
  const message = iris.getByRole('listitem').filter({ hasText: `jon rejected ${VERSION} for test: Names are longer than that.` })
  await message.getByRole('button', { name: 'Correct and ask again' }).click()
  await iris.waitForURL(/\/releases\/tickets\//)
  const ticket = iris.url()
  await iris.goto(author)
  await cell(iris, 'Data type', 'name').fill('varchar(120)')
  await iris.getByRole('region', { name: 'From the saved one' }).filter({ hasText: '(120)' }).waitFor()
  await iris.getByRole('button', { name: 'Save', exact: true }).click()
  await iris.getByText('Saved.').waitFor()
  await iris.goto(ticket)
  await iris.getByRole('button', { name: 'Correct and send again' }).click()
  await dialog(iris).getByText('computed anew from the design').waitFor()
  await dialog(iris).getByRole('textbox', { name: 'What was corrected (optional)' }).fill('Room for long names.')
  await dialog(iris).getByRole('button', { name: 'Correct and send again' }).click()
  await iris.getByText('It corrects a ticket that was rejected').waitFor()
  await iris.getByText(/name character varying\(120\)/).first().waitFor()

  await openTicket(jon, base, VERSION)
  await jon.getByText('Room for long names.').waitFor()
  await settle(jon)
  await look(jon, 'seed-ticket')
  await release(jon)
  await settle(jon)
  await look(jon, 'seed-release')
  await execute(jon, 'pg-test')
  await settle(jon)
  await look(jon, 'seed-execution')
  await sql.test("insert into author (name) values ('Jorge Francisco Isidoro Luis Borges Acevedo'); insert into book (title, author_id) select 'Ficciones', id from author")
  await assert.rejects(sql.test("insert into book (title, author_id) values ('Nowhere', 4711)"), /foreign key/)
}

/** The same on MariaDB, with nothing to object to. */
async function depotToTest({ base, settle, look, iris, jon, sql }) {
  await publish(iris, base, { database: 'depot', version: '1.0.Depot', environment: 'test', server: 'maria-test', shows: [/create table \S*shelf/, /foreign key/] })
  await openTicket(jon, base, '1.0.Depot')
  await release(jon)
  await execute(jon, 'maria-test')
  await settle(jon)
  await look(jon, 'seed-execution-mariadb')
  await sql.depot("insert into shelf (name) values ('North'); insert into box (shelf_id) select id from shelf")
  await assert.rejects(sql.depot('insert into box (shelf_id) values (4711)'), /foreign key/)
}

/** Somebody changes both by hand: it is seen, and what is in the library is taken into its design. */
async function drifts({ base, settle, look, iris, jon, sql }) {
  await lookAt(iris, base, 'pg-test', 'library', 'As it should be')
  await sql.test('alter table author add column born date')
  await sql.depot('alter table shelf add column note varchar(40)')
  await lookAt(jon, base, 'maria-test', 'depot', 'Changed by hand')
  await dialog(jon).getByText(/add column \S*note/).first().waitFor()
  await lookAt(iris, base, 'pg-test', 'library', 'Changed by hand')
  await dialog(iris).getByText(/add column born/).first().waitFor()
  await dialog(iris).getByText(/drop column born/).first().waitFor()
  await settle(iris)
  await look(iris, 'seed-drift')

  await dialog(iris).getByRole('button', { name: 'Take into the design…' }).click()
  await iris.waitForURL(/\/designs\?/)
  // It is chosen as soon as the servers are known.
  await iris.waitForFunction(() => [...document.querySelectorAll('dialog select')].some((one) => one.selectedOptions[0]?.textContent.includes('pg-test')))
  await dialog(iris).getByRole('button', { name: 'Compare' }).click()
  await dialog(iris).getByRole('region', { name: 'author', exact: true }).getByText('columns[born]').first().waitFor()
  await settle(iris)
  await look(iris, 'seed-sync')
  await dialog(iris).getByRole('button', { name: 'Apply 1 document' }).click()
  await dialog(iris).getByText('1 document applied').waitFor()

  await lookAt(jon, base, 'pg-test', 'library', 'Changed by hand')
  await dialog(jon).getByRole('button', { name: 'It is as it should be' }).click()
  await dialog(jon).getByText('Noted: what is there is what should be there').waitFor()
  await dialog(jon).getByText('As it should be', { exact: true }).waitFor()
}

/** Where the Git host calls, and its secret, as the page shows them once. */
async function hook(page, base) {
  await page.goto(`${base}/projects`)
  await page.getByRole('link', { name: 'library', exact: true }).click()
  await page.getByRole('button', { name: 'Add a Git hook' }).click()
  await dialog(page).getByRole('textbox', { name: 'Repository' }).fill('seed/library')
  await dialog(page).getByRole('button', { name: 'Create' }).click()
  const shown = async (name) => (await dialog(page).getByRole('region', { name, exact: true }).innerText()).trim()
  const [address, secret] = [await shown('Webhook address'), await shown('Secret')]
  await dialog(page).getByRole('button', { name: 'Done' }).click()
  await closed(page)
  return { address, secret }
}

/** Prod needs two approvals; a push executes nothing before the second, and everything after it. */
async function toProd({ base, settle, look, iris, jon, kim, sql }) {
  const picture = async () => {
    await settle(iris)
    await look(iris, 'seed-publish-prod')
  }
  await publish(iris, base, { database: 'library', version: VERSION, environment: 'prod', server: 'pg-prod', shows: ['create table public.author', /born date/, 'by Administrators · 2 of them'], picture })
  await openTicket(kim, base, VERSION)
  await approve(kim, 'Others have to approve before it is a release')
  await kim.getByText('1 of 2 approved').waitFor()
  await settle(kim)
  await look(kim, 'seed-ticket-prod')
  assert.equal(await kim.getByRole('button', { name: 'Approve', exact: true }).count(), 0, 'nobody approves twice')

  const { address, secret } = await hook(jon, base)
  assert.equal((await push(address, `${secret}x`, 'a', MESSAGE)).status, 401)
  const early = await push(address, secret, 'a', MESSAGE)
  assert.deepEqual([early.status, early.wishes.map((one) => one.state)], [202, ['refused']])
  await jon.getByRole('link', { name: 'Pushes' }).click()
  await jon.getByRole('row', { name: /aaaaaaa/ }).getByText('It is not approved yet.').waitFor()
  assert.equal(await sql.prod("select count(*) from information_schema.tables where table_name = 'author'"), '0')

  const pushes = jon.url()
  await openTicket(jon, base, VERSION)
  await release(jon)
  const right = await push(address, secret, 'b', MESSAGE)
  assert.deepEqual([right.success, right.wishes.map((one) => one.state)], [true, ['executed']])
  await jon.goto(pushes)
  const row = jon.getByRole('row', { name: /bbbbbbb/ })
  await row.getByText('Accepted').waitFor()
  await row.getByText('Succeeded').waitFor()
  await settle(jon)
  await look(jon, 'seed-pushes')
  await row.getByRole('link', { name: 'pg-prod' }).click()
  await jon.waitForURL(/\/releases\/executions\//)
  await succeeded(jon)
  const columns = "select string_agg(column_name, ',' order by ordinal_position) from information_schema.columns where table_name = 'author'"
  assert.equal(await sql.prod(columns), 'id,name,born')
  // Once is enough, whoever asks again.
  const again = await push(address, secret, 'c', MESSAGE)
  assert.deepEqual(again.wishes.map((one) => one.refusals.map((refusal) => refusal.reason)), [['alreadyExecuted']])
}

/** `services` is where the agent's program and the databases are. */
export const seedStory = (services) => ({
  'two tables are designed, rejected, mended, released to test, changed by hand, taken back into the design and pushed to prod': {
    signedOut: true,
    // Half a type while one types.
    refused: /\b422\b/,
    async run({ page, base, account, password, settle, look, another }) {
      const { sql, close } = await seedCast({ base, account, password, ...services() })
      try {
        const [jon, kim] = [(await another()).page, (await another()).page]
        await signIn(page, base, 'iris')
        await signIn(jon, base, 'jon')
        await signIn(kim, base, 'kim')
        const tools = { page, base, settle, look, iris: page, jon, kim, sql }
        await jon.goto(`${base}/databases`)
        await jon.getByRole('button', { name: 'Test: pg-test' }).click()
        await dialog(jon).getByText('Connects', { exact: true }).waitFor()
        const author = await designLibrary(tools)
        await designDepot(tools)
        await toTest({ ...tools, author })
        await depotToTest(tools)
        await drifts(tools)
        await toProd(tools)
      } finally {
        close()
      }
    },
  },
})
