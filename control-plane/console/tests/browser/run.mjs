/**
 * The console in a real Chromium against a real control plane. Needs
 *   MUSTER_CONSOLE_URL            http://127.0.0.1:8440
 *   MUSTER_CONSOLE_ACCOUNT        admin
 *   MUSTER_CONSOLE_PASSWORD_FILE  a file that holds the password
 *   MUSTER_CONSOLE_MAIL_PORT      where that control plane finds its mail server: it is started here
 *   MUSTER_CONSOLE_WEB_PORT       and its gateway for text messages (/sms), its provider `corp` (/) and an Infisical
 *   MUSTER_CONSOLE_SIMULATOR      the program muster-simulator
 *   MUSTER_CONSOLE_PSQL           PostgreSQL's command line, and MUSTER_CONSOLE_MARIADB that of MariaDB
 *   MUSTER_TEST_POSTGRES_URL      whoever may do everything there, and MUSTER_TEST_MYSQL_URL the same of MariaDB
 * those of fresh.mjs, and something of everything in that control plane: what is missing can't be looked at, and fails.
 * Signs in, walks every page in light and dark, both languages, 1280 and 390 px wide, opened wide in one language and narrow
 * in the other, takes a picture of each
 * (tests/screenshots), and fails on a violation that axe finds, on an error in the browser's console, on a page that
 * scrolls sideways, and on an unanswered story. MUSTER_CHROMIUM names another browser, MUSTER_CONSOLE_ONLY the pages
 * that are wanted (beginnings of names, by comma), MUSTER_CONSOLE_STORY the stories (parts of names, by `|`).
 *
 * Pages are walked by several at a time, a person and a look each; so are stories, in lanes: those of one lane may
 * change what the next one finds, those of different lanes don't meet.
 */
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'
import { PASSWORD, cast } from './cast.mjs'
import { deliveryCast } from './deliveryCast.mjs'
import { containerStories } from './containerStories.mjs'
import { deliveryStories } from './deliveryStories.mjs'
import { designCast, designPages, designStories } from './designStories.mjs'
import { filesCast, filesPages, filesStories } from './filesStories.mjs'
import { flowCast, flowPages, flowStories } from './flowStories.mjs'
import { fresh } from './fresh.mjs'
import { outside } from './outside.mjs'
import { placesCast, placesPages, placesStories } from './placesStories.mjs'
import { rolloutCast, rolloutStory } from './rolloutStory.mjs'
import { seedStory } from './seedStory.mjs'
import { signInStories } from './signInStories.mjs'
import { peopleStories, stories as housekeeping } from './stories.mjs'
import { wallPages, wallStories } from './wallStories.mjs'

const required = (name) => {
  const value = process.env[name]
  if (!value) throw new Error(`${name} is not set; \`cargo verify\` sets it`)
  return value
}
const base = required('MUSTER_CONSOLE_URL').replace(/\/$/, '')
const account = required('MUSTER_CONSOLE_ACCOUNT')
const password = readFileSync(required('MUSTER_CONSOLE_PASSWORD_FILE'), 'utf8').trim()
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const out = await outside({ mailPort: Number(required('MUSTER_CONSOLE_MAIL_PORT')), webPort: Number(required('MUSTER_CONSOLE_WEB_PORT')) })
/** Stories that may change what others find stand in one lane, one after the other. */
const lanes = [
  housekeeping,
  { ...peopleStories, ...containerStories },
  signInStories,
  deliveryStories,
  // One lane: the first looks whether there are tickets.
  { ...designStories, ...flowStories },
  // One lane: hosts are moved and renamed, and looked at by name.
  { ...placesStories, ...wallStories },
  filesStories,
  // An org, an agent and databases of its own: nothing of it is another story's.
  seedStory(() => ({
    agent: required('MUSTER_CONSOLE_AGENT'),
    agentDir: `${required('MUSTER_CONSOLE_AGENT_DIR')}/library`,
    psql: required('MUSTER_CONSOLE_PSQL'),
    mariadbClient: required('MUSTER_CONSOLE_MARIADB'),
    postgresUrl: required('MUSTER_TEST_POSTGRES_URL'),
    mysqlUrl: required('MUSTER_TEST_MYSQL_URL'),
  })),
  {
    'from an empty machine on PostgreSQL to somebody who sees one host': {
      signedOut: true,
      run: ({ settle, look, another }) =>
        fresh({
          base: required('MUSTER_CONSOLE_FRESH_URL').replace(/\/$/, ''),
          log: required('MUSTER_CONSOLE_FRESH_LOG'),
          database: required('MUSTER_CONSOLE_FRESH_DATABASE'),
          taken: required('MUSTER_CONSOLE_TAKEN_DATABASE'),
          agent: required('MUSTER_CONSOLE_AGENT'),
          agentDir: required('MUSTER_CONSOLE_AGENT_DIR'),
          open: another,
          settle,
          look,
        }),
    },
  },
]
/** After the others, one by one: they measure time. */
const alone = rolloutStory(() => required('MUSTER_CONSOLE_SIMULATOR'))
const pictures = fileURLToPath(new URL('../screenshots/', import.meta.url))
rmSync(pictures, { recursive: true, force: true })
mkdirSync(pictures, { recursive: true })

// Together these hold each pair of theme, language and width.
const looks = [
  { theme: 'light', locale: 'en', width: 1280 },
  { theme: 'dark', locale: 'zh-CN', width: 1280 },
  { theme: 'light', locale: 'zh-CN', width: 390 },
  { theme: 'dark', locale: 'en', width: 390 },
]
/** A page is opened once in each language, and seen wide and narrow: in one language it opens wide, in the other narrow. */
const walkings = [
  [looks[0], looks[3]],
  [looks[2], looks[1]],
]
const failures = []
const fail = (where, what) => {
  failures.push(`${where}: ${what}`)
  console.error(`not ok  ${where}: ${what}`)
}

const browser = await chromium.launch({
  executablePath: process.env.MUSTER_CHROMIUM ?? '/usr/bin/chromium',
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ],
})

const heightOf = (width) => (width > 600 ? 860 : 844)
const nameOf = ({ theme, locale, width }) => `${theme}-${locale}-${width}`

async function open({ theme, locale, width }, signedIn) {
  const context = await browser.newContext({
    viewport: { width, height: heightOf(width) },
    locale,
    timezoneId: 'Europe/Berlin',
    reducedMotion: 'reduce',
    colorScheme: theme === 'dark' ? 'dark' : 'light',
    storageState: signedIn,
  })
  await context.addInitScript(
    ([t, l]) => {
      localStorage.setItem('muster.theme', t)
      localStorage.setItem('muster.locale', l)
    },
    [theme, locale],
  )
  const page = await context.newPage()
  page.setDefaultTimeout(30_000)
  const noise = []
  page.on('console', (message) => message.type() === 'error' && noise.push(message.text()))
  page.on('pageerror', (error) => noise.push(String(error)))
  openThroughChanges(page)
  return { context, page, noise }
}

/** Waits until nothing is being fetched for the first time. */
async function settle(page) {
  await page.waitForFunction(() => document.querySelector('h1, h2') && !document.querySelector('[aria-busy=true]'))
  await page.waitForFunction(() => document.fonts.status === 'loaded')
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))))
}

/** Opens a page; again if a network of this machine came or went meanwhile, which ends what Chromium is loading. */
async function visit(page, address, noise) {
  for (let left = 3; ; left -= 1) {
    try {
      await page.goto(address)
      await settle(page)
    } catch (error) {
      if (left === 0 || !noise.some(isNetworkChange)) throw error
    }
    if (left === 0 || !noise.some(isNetworkChange)) return
    noise.splice(0)
  }
}
const isNetworkChange = (line) => line.includes('ERR_NETWORK_CHANGED')

/** Lets a story open a page again if a network of this machine came or went while it was loading; containers do that. */
function openThroughChanges(page) {
  const goto = page.goto.bind(page)
  let changed = false
  page.on('requestfailed', (request) => (changed ||= isNetworkChange(request.failure()?.errorText ?? '')))
  page.goto = async (address, options) => {
    for (let left = 3; ; left -= 1) {
      changed = false
      try {
        const answer = await goto(address, options)
        if (!changed || left === 0) return answer
      } catch (error) {
        if (left === 0 || !isNetworkChange(String(error))) throw error
      }
    }
  }
}

/** The whole page, as somebody with a window of its height sees it: what sticks is where it sticks. */
async function picture(page, path) {
  const before = page.viewportSize()
  const height = await page.evaluate(() => document.documentElement.scrollHeight)
  if (height > before.height) await page.setViewportSize({ width: before.width, height })
  await page.screenshot({ path })
  if (height > before.height) await page.setViewportSize(before)
}

/** What the browser's console says of a page whose point it is: a missing thing, a forbidden one, nobody signed in. */
function answers(name, as) {
  const expected = [(name === 'nowhere' || name.endsWith('-missing')) && '404', as === 'nobody' && '401', name.endsWith('-forbidden') && '403'].filter(Boolean)
  return (line) => expected.some((status) => line.includes(status))
}

async function look(page, name, where, noise, expected = () => false) {
  await picture(page, `${pictures}${where}-${name}.png`)
  if (!(await page.evaluate(() => 'axe' in globalThis))) await page.evaluate(axe)
  const result = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }))
  for (const one of result.violations) {
    fail(`${where} ${name}`, `axe ${one.id}: ${one.nodes.map((node) => `${node.target.join(' ')} (${node.any[0]?.message ?? one.help})`).slice(0, 3).join(' | ')}`)
  }
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
  if (wide > 1) fail(`${where} ${name}`, `scrolls ${wide} px sideways`)
  for (const line of noise.splice(0)) if (!expected(line)) fail(`${where} ${name}`, `console: ${line}`)
}

/** In the middle of a story: wide and light, narrow and dark. */
async function lookAround(page, name) {
  const before = page.viewportSize()
  for (const each of [looks[0], looks[3]]) {
    await page.setViewportSize({ width: each.width, height: before.height })
    await page.emulateMedia({ colorScheme: each.theme })
    await settle(page)
    await look(page, name, nameOf(each), [])
  }
  await page.setViewportSize(before)
  await page.emulateMedia({ colorScheme: looks[0].theme })
}

/** In the middle of a story that must not wait. */
const snap = (page, name) => page.screenshot({ path: `${pictures}${nameOf(looks[0])}-${name}.png`, fullPage: true })

async function signIn(page, login = account, secret = password) {
  await page.goto(`${base}/`)
  await page.locator('input[autocomplete=username]').fill(login)
  await page.locator('input[autocomplete=current-password]').fill(secret)
  await page.keyboard.press('Enter')
  try {
    await page.waitForURL((url) => url.pathname !== '/sign-in')
  } catch (error) {
    const said = await page.locator('body').innerText()
    throw new Error(`${login} is not signed in: ${said.replaceAll('\n', ' / ')}`, { cause: error })
  }
  await settle(page)
}

/** Pages by what there is: the first host, the first deployment … */
async function addresses(page) {
  const first = async (path) => {
    const answer = await page.request.get(`${base}/api/v1${path}?limit=1`)
    const thing = answer.ok() ? (await answer.json()).items?.[0] : undefined
    if (!thing) fail(path, 'the control plane holds none to look at')
    return thing
  }
  const found = [
    ['overview', '/'],
    ['hosts', '/hosts'],
    ['hosts-none', '/hosts?search=no-such-host'],
    ['hosts-add', '/hosts?add=1'],
    ['audit', '/audit'],
    ['settings', '/settings'],
    ['nowhere', '/no/such/page'],
  ]
  const host = await first('/hosts')
  if (host) {
    found.push(['host', `/hosts/${host.id}`], ['host-facts', `/hosts/${host.id}/facts`], ['host-day', `/hosts/${host.id}?range=90d`])
    const container = await first(`/hosts/${host.id}/containers`)
    found.push(['containers', '/containers'], ['containers-none', '/containers?search=no-such-container'])
    if (container) {
      const page = `/hosts/${host.id}/container/${encodeURIComponent(container.name)}`
      found.push(['container', page], ['container-search', `${page}?search=a&still=1`], ['container-charts', `${page}/charts`])
    }
    found.push(['container-missing', `/hosts/${host.id}/container/no-such-container`])
    found.push(['host-containers', `/hosts/${host.id}/containers${container ? `?container=${encodeURIComponent(container.name)}` : ''}`])
  }
  found.push(['host-missing', '/hosts/01890000-0000-7000-8000-00000000dead'])
  for (const [name, list, page] of [
    ['application', '/applications', '/applications'],
    ['deployment', '/deployments', '/deployments'],
    ['ticket', '/schema/tickets', '/releases/tickets'],
    ['release', '/schema/releases', '/releases/approved'],
    ['execution', '/schema/executions', '/releases/executions'],
  ]) {
    found.push([`${name}s`, page])
    const thing = await first(list)
    if (thing) found.push([name, name === 'release' ? `/releases/${thing.id}/run` : `${page}/${thing.id}`])
  }
  found.push(['propose', '/releases/propose'], ...(await people(page)))
  return found
}

/** Pages about people; with a third part, as whom they are looked at instead of the super administrator. */
async function people(page) {
  const members = (await (await page.request.get(`${base}/api/v1/members`)).json()).items
  const platform = (await (await page.request.get(`${base}/api/v1/platforms`)).json()).items.find((one) => one.code === 'default').id
  const id = (name) => members.find((one) => one.username === name)?.userId
  return [
    ['people', '/people', 'olga'],
    ['people-none', '/people?search=nobody-of-this-name', 'olga'],
    ['people-add', '/people?add=1', 'olga'],
    ['member', `/people/members/${id('mia')}`, 'olga'],
    ['member-owner', `/people/members/${id('olga')}`, 'olga'],
    ['member-looked-at', `/people/members/${id('ann')}`, 'vic'],
    ['joining', '/people/joining', 'olga'],
    ['joining-forbidden', '/people/joining', 'vic'],
    ['joining-invite', '/people/joining?invite=1', 'olga'],
    ['org', '/people/org', 'olga'],
    ['org-looked-at', '/people/org', 'vic'],
    ['departments', '/people/departments', 'olga'],
    ['departments-looked-at', '/people/departments', 'vic'],
    ['roles', '/people/roles', 'olga'],
    ['roles-templates', '/people/roles/templates', 'olga'],
    ['roles-looked-at', '/people/roles', 'vic'],
    ['why-asking', '/people/why', 'olga'],
    ['why-may', `/people/why?user=${id('mia')}&operation=release:execute`, 'olga'],
    ['why-may-not', `/people/why?user=${id('vic')}&operation=host:write&kind=environments&object=prod`, 'olga'],
    ['inbox', '/inbox', 'olga'],
    ['inbox-unread', '/inbox?show=unread', 'otto'],
    ['welcome', '/welcome', 'nora'],
    ['profile', '/profile', 'olga'],
    ['profile-security', '/profile/security', 'olga'],
    ['profile-devices', '/profile/devices', 'olga'],
    ['profile-keys', '/profile/keys', 'olga'],
    ['profile-super', '/profile'],
    ['users', '/admin/users'],
    ['users-filtered', '/admin/users?registeredFrom=2020-01-01&search=o', 'mary'],
    ['users-forbidden', '/admin/users', 'olga'],
    ['orgs', '/admin/orgs'],
    ['orgs-new', '/admin/orgs?new=1', 'mary'],
    ['administrators', '/admin/administrators'],
    ['platforms', '/admin/platforms'],
    ['binding-types', '/admin/binding-types'],
    ['binding-types-looked-at', '/admin/binding-types', 'mary'],
    ['platform', `/admin/platforms/${platform}`, 'mary'],
    ['platform-super', `/admin/platforms/${platform}`],
    ['audit-filtered', '/audit?operation=member:write&outcome=done', 'olga'],
    ['audit-none', '/audit?kind=ticket&from=2020-01-01&to=2020-01-02', 'olga'],
    ['audit-platform', '/audit?scope=platform'],
    ['invitation-missing', '/invitations/inv_not-one', 'nora'],
    ['register', '/register?administrator=mary', 'nobody'],
    ['forgot', '/forgot-password', 'nobody'],
    ['reset', '/reset-password#prf_not-one', 'nobody'],
    ['reset-useless', '/reset-password', 'nobody'],
    ['verify-email', '/verify-email#prf_not-one', 'nobody'],
    ['sign-in-returned', '/sign-in#error=not-bound', 'nobody'],
    ['sign-in-elsewhere', '/sign-in?platform=shop&to=%2Finvitations%2Finv_x', 'nobody'],
  ]
}

/** Pages about delivery: of the org with many hosts. */
function deliveries({ shop, image, group, synced, deployments }) {
  const application = `/applications/${shop.id}`
  return [
    ['applications-many', '/applications', 'rita'],
    ['applications-new', '/applications?new=1', 'rita'],
    ['application-environments', `${application}/environments`, 'rita'],
    ['application-variables', `${application}/variables`, 'rita'],
    ['application-versions', `${application}/versions`, 'rita'],
    ['application-build', `${application}/versions?build=1.2.0`, 'rita'],
    ['application-triggers', `${application}/triggers?ci=github`, 'rita'],
    ['application-settings', `${application}/settings`, 'rita'],
    ['application-looked-at', `${application}/settings`, 'vera'],
    ['alerts', '/alerts', 'rita'],
    ['alerts-none', '/alerts?severity=info', 'rita'],
    ['alerts-history', '/alerts/history', 'rita'],
    ['alerts-rules', '/alerts/rules', 'rita'],
    ['alerts-rules-new', '/alerts/rules?new=1', 'rita'],
    ['alerts-silences', '/alerts/silences', 'rita'],
    ['alerts-silences-new', '/alerts/silences?new=1', 'rita'],
    ['alerts-receivers', '/alerts/receivers', 'rita'],
    ['alerts-receivers-new', '/alerts/receivers?new=1', 'rita'],
    ['alerts-looked-at', '/alerts/rules', 'vera'],
    ['images', '/images', 'rita'],
    ['images-none', '/images?search=no-such-image', 'rita'],
    ['images-new', '/images?new=1', 'rita'],
    ['images-looked-at', '/images', 'vera'],
    ['image', `/images/${image.id}`, 'rita'],
    ['readings-room', '/settings/readings'],
    ['readings-room-looked-at', '/settings/readings', 'vera'],
    ['registries', '/registries', 'rita'],
    ['registries-new', '/registries?new=1', 'rita'],
    ['deployments-waiting', '/deployments?status=waitingApproval', 'rita'],
    ['rollout-stopped', `/deployments/${deployments.stopped}`, 'rita'],
    ['rollout-paused', `/deployments/${deployments.paused}`, 'rita'],
    ['rollout-success', `/deployments/${deployments.second}`, 'rita'],
    ['approval-own', `/deployments/${deployments.waiting}`, 'rita'],
    ['approval', `/deployments/${deployments.waiting}`, 'sam'],
    ['approval-looked-at', `/deployments/${deployments.waiting}`, 'vera'],
    ['secrets', '/secrets', 'rita'],
    ['secrets-new', '/secrets?new=1', 'rita'],
    ['secrets-forbidden', '/secrets', 'vera'],
    ['secret-group', `/secrets/groups/${group.id}`, 'rita'],
    ['secret-group-usage', `/secrets/groups/${group.id}/usage`, 'rita'],
    ['secret-group-synced', `/secrets/groups/${synced.id}`, 'rita'],
    ['secret-group-syncs', `/secrets/groups/${synced.id}/syncs`, 'rita'],
    ['secret-providers', '/secrets/providers', 'rita'],
    ['secret-providers-new', '/secrets/providers?new=1', 'rita'],
    ['secret-variables', '/secrets/variables', 'rita'],
  ]
}

/** Takes one after the other from `jobs`, several at a time. */
async function together(count, jobs, work) {
  const left = [...jobs]
  const hand = async () => {
    for (let job = left.shift(); job !== undefined; job = left.shift()) await work(job)
  }
  await Promise.all(Array.from({ length: count }, hand))
}

const PAGES_A_WALK = 20
/** More hands than this only wait for each other. */
const HANDS = Math.max(2, Math.min(4, availableParallelism() + 1))
const began = Date.now()
const lap = (what) => console.log(`ok  ${what} (${Math.round((Date.now() - began) / 1000)} s)`)

/** Pages that somebody looks at in one language: each is opened once, and seen as each of `looks` has it. */
async function walk({ looks: both, as, pages }, state) {
  const { context, page, noise } = await open({ ...both[0], theme: 'system' }, state)
  const show = async ({ theme, width }) => {
    await page.setViewportSize({ width, height: heightOf(width) })
    await page.emulateMedia({ colorScheme: theme })
  }
  for (const [name, path] of pages) {
    let where = nameOf(both[0])
    try {
      await show(both[0])
      await visit(page, base + path, noise)
      if ((await page.locator('.nowhere').count()) !== (name === 'nowhere' ? 1 : 0)) fail(`${where} ${name}`, 'there is no page here')
      for (const each of both) {
        where = nameOf(each)
        if (each !== both[0]) {
          await show(each)
          await settle(page)
        }
        await look(page, name, where, noise, answers(name, as))
        walked += 1
      }
    } catch (error) {
      fail(`${where} ${name}`, String(error).split('\n')[0])
    }
  }
  await context.close()
}

/** One story; what it opened is closed with it, however it ends. `refused` is an answer that it asks for. */
async function tell(name, story, states, made) {
  const opened = []
  const opening = async (look, state) => {
    const one = await open(look, state)
    opened.push(one)
    return one
  }
  const { page, noise } = await opening(looks[0], story.signedOut ? undefined : states[story.as ?? account])
  try {
    await story.run({ page, base, account, password, settle, out, made, look: lookAround, snap, another: (as) => opening({ ...looks[0], theme: 'system' }, states[as]) })
    for (const line of noise.filter((one) => !/\b(401|404)\b/.test(one) && !isNetworkChange(one) && !story.refused?.test(one))) fail(name, `console: ${line}`)
    lap(name)
  } catch (error) {
    for (const [i, one] of opened.entries()) {
      await one.page.screenshot({ path: `${pictures}failed-${name.replaceAll(' ', '-')}-${i}.png` }).catch(() => undefined)
    }
    fail(name, [String(error).split('\n').slice(0, 3).join(' '), `at ${page.url()}`, ...noise.slice(-5)].join(' | '))
  }
  for (const { context } of opened) await context.close()
}

let walked = 0
let told = 0
let made
try {
  const only = process.env.MUSTER_CONSOLE_ONLY
  const wanted = (name) => !only || only.split(',').some((one) => name.startsWith(one))
  await cast(base, account, password)
  made = await deliveryCast({ base, account, password, simulator: required('MUSTER_CONSOLE_SIMULATOR'), infisical: out.infisical })
  await designCast(made)
  made.places = await placesCast(made)
  made.files = await filesCast(made)
  await flowCast(made, base)
  await rolloutCast({ base, account, password })
  lap('people, hosts, secrets, deployments and designs to look at')
  const start = await open(looks[0])
  await start.page.goto(`${base}/sign-in`)
  await settle(start.page)
  // The console asks who is signed in, and 401 is the answer.
  start.noise.splice(0, start.noise.length, ...start.noise.filter((line) => !line.includes('401')))
  await look(start.page, 'sign-in', 'light-en-1280', start.noise)
  await signIn(start.page)
  const states = { [account]: await start.context.storageState(), nobody: undefined }
  const pages = [...(await addresses(start.page)), ...deliveries(made), ...designPages(made), ...flowPages(made), ...placesPages(made), ...wallPages(made), ...filesPages(made)].filter(([name]) => wanted(name))
  await start.context.close()
  const people = [...new Set([...pages.map(([, , as]) => as), 'olga', 'mary', 'rita', 'sam', 'vera', 'lena'])].filter((as) => as && as !== 'nobody')
  const signAllIn = (those = people) =>
    together(HANDS, those, async (name) => {
      const { context, page } = await open(looks[0])
      await signIn(page, name, PASSWORD)
      states[name] = await context.storageState()
      await context.close()
    })
  await signAllIn()

  // Not too long, so that nobody is left with one at the end.
  const walks = walkings.flatMap((both) =>
    [...new Set(pages.map(([, , as = account]) => as))].flatMap((as) => {
      const theirs = pages.filter(([, , by = account]) => by === as)
      const parts = Array.from({ length: Math.ceil(theirs.length / PAGES_A_WALK) }, (_, i) => theirs.slice(i * PAGES_A_WALK, (i + 1) * PAGES_A_WALK))
      return parts.map((part) => ({ looks: both, as, pages: part }))
    }),
  )
  await together(HANDS, walks, (one) => walk(one, states[one.as]))
  lap(`${walked} pages`)

  // Anew, so that none of them has to renew a session that others use.
  await signAllIn()
  const asked = (name) => (only ? (process.env.MUSTER_CONSOLE_STORY ?? '-').split('|').some((part) => name.includes(part)) : true)
  const tellAll = async (lane) => {
    for (const [name, story] of Object.entries(lane).filter(([name]) => asked(name))) {
      await tell(name, story, states, made)
      told += 1
    }
  }
  await together(lanes.length, lanes, tellAll)
  // The others took their time, and two windows that share a session must not renew it at once.
  await signAllIn([...new Set(Object.values(alone).map((story) => story.as))])
  await tellAll(alone)
} finally {
  made?.close()
  out.close()
  await browser.close()
}
console.log(`${walked} pages looked at, ${told} stories, ${failures.length} failures, ${Math.round((Date.now() - began) / 1000)} s; pictures in tests/screenshots`)
process.exitCode = failures.length ? 1 : 0
