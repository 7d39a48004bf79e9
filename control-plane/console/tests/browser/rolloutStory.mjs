/**
 * A rollout over 200 simulated hosts of which one in twenty can't run the new version, looked at by somebody who stays on
 * its page: it stops at the threshold, the changed hosts go back, and what the page says is compared, reading by reading,
 * with what the hosts did by then. Told alone: it measures time.
 */
import assert from 'node:assert/strict'
import { PASSWORD, client } from './cast.mjs'
import { until } from './outside.mjs'
import { counted, judge, readRollout, truthOf } from './rolloutTruth.mjs'
import { simulate } from './simulated.mjs'

const HOSTS = 200
const BATCH = 20
/** Two in a hundred may fail: the fifth batch has one too many. */
const MAY_FAIL = 4
const BAD = MAY_FAIL + 1
/** A deploy takes half of this to all of it: a batch takes longer than a page may be late. */
const TAKES_MS = 3_000
const PATIENCE_MS = 90_000
const READ_EVERY_MS = 60
const ENVIRONMENT = 'prod'

/** Somebody with an org for it. */
export async function rolloutCast({ base, account, password }) {
  const admin = await client(base, account, password)
  const lena = await admin('POST', '/users', { username: 'lena', password: PASSWORD, nickName: 'Lena Fuchs', email: 'lena@example.com' })
  await admin('POST', '/orgs', { name: 'Two hundred hosts', slug: 'two-hundred-hosts', ownerId: lena.id })
}

export const rolloutStory = (simulator) => ({
  'a rollout over 200 hosts stops at its threshold and goes back, and its page is true at each moment': {
    as: 'lena',
    async run({ page, base, settle, look, snap, another }) {
      const fleet = await simulate(simulator(), base, 'lena', HOSTS, ['--tell'])
      try {
        await watched({ page, base, settle, look, snap, another, fleet })
      } finally {
        fleet.close()
      }
    },
  },
})

async function watched({ page, base, settle, look, snap, another, fleet }) {
  const owner = await client(base, 'lena')
  const shop = await owner('POST', '/applications', { name: 'shop', image: 'team/shop', environments: { [ENVIRONMENT]: { hosts: fleet.hosts } } })
  const deploy = async (version) => (await owner('POST', `/applications/${shop.id}/deployments`, { environment: ENVIRONMENT, version })).deploymentId
  const first = await deploy('1.0.0')
  const before = await until('1.0.0 on all hosts', async () => {
    const seen = await owner('GET', `/deployments/${first}`)
    return seen.status === 'success' && seen
  }, PATIENCE_MS)
  // In the order in which a rollout comes to them.
  const order = before.hosts.map((host) => ({ id: host.hostId, name: host.hostName }))
  const broken = Array.from({ length: HOSTS / BATCH }, (_, batch) => order[batch * BATCH + ((7 * batch + 11) % BATCH)].id)
  await fleet.change({ break: broken, takesMs: TAKES_MS })
  const rollout = { batchSize: '10%', maxFailures: '2%', onFailure: 'rollBack', offline: 'fail' }
  await owner('PATCH', `/applications/${shop.id}`, { environments: { [ENVIRONMENT]: { hosts: fleet.hosts, rollout } } })

  // Pictures are taken of another window: taking one holds its page up, and this one's lateness is measured. Both have
  // loaded what they need before the rollout begins.
  const beside = await another('lena')
  for (const one of [page, beside.page]) {
    await one.goto(`${base}/deployments/${first}`)
    await settle(one)
  }

  fleet.deeds.splice(0)
  const asked = Date.now()
  const id = await deploy('2.0.0')
  await Promise.all([page, beside.page].map((one) => one.goto(`${base}/deployments/${id}`)))
  const { readings, unseen } = await follow(page, (name) => snap(beside.page, name))
  // Nothing is done any more that would come after the last reading.
  const shown = await owner('GET', `/deployments/${id}`)
  const truth = truthOf({ deeds: fleet.deeds, asked, order, size: BATCH, mayFail: MAY_FAIL, next: '2.0.0' })
  judged(readings, truth)
  assert.deepEqual(unseen, [], 'moments that the page did not show')
  ended({ shown, truth, broken, fleet, last: readings.at(-1), order })
  await settle(beside.page)
  await look(beside.page, 'rollout-of-200')
}

/** Reads the page until it says that all is over, and has `picture` taken of moments on the way. */
async function follow(page, picture) {
  const readings = []
  const taken = []
  const moments = [
    ['rollout-of-200-batch-1', (seen) => seen.where.startsWith('Batch 1 ') && seen.legend.Running > 0],
    ['rollout-of-200-batch-4', (seen) => seen.where.startsWith('Batch 4 ') && seen.legend.Running > 0],
    ['rollout-of-200-going-back', (seen) => seen.state === 'Going back' && seen.legend['Put back'] > 0],
  ]
  await until('the end of the rollout on its page', async () => {
    const seen = await page.evaluate(readRollout)
    if (seen.state) readings.push(seen)
    const wanted = moments.findIndex(([, is]) => is(seen))
    for (const [name] of wanted < 0 ? [] : moments.splice(wanted, 1)) taken.push(picture(name))
    await page.waitForTimeout(READ_EVERY_MS)
    return seen.state === 'Put back' && !seen.legend.Running
  }, PATIENCE_MS)
  await Promise.all(taken)
  return { readings, unseen: moments.map(([name]) => name) }
}

function judged(readings, truth) {
  const wrong = []
  let late = 0
  for (const reading of readings) {
    const found = judge(reading, truth)
    late = Math.max(late, found.late)
    wrong.push(...found.wrong.map((what) => `${reading.at - readings[0].at} ms: ${what}`))
  }
  assert.deepEqual(wrong.slice(0, 8), [], `of what the page said, ${wrong.length} things were not so`)
  const seen = (is) => readings.filter(is).length
  for (const where of ['Batch 1 of 10', 'Batch 2 of 10', 'Batch 3 of 10', 'Batch 4 of 10', 'Batch 5 of 10', 'Going back']) {
    assert.ok(seen((one) => one.where === where) > 2, `“${where}” was hardly read`)
  }
  assert.ok(seen((one) => one.state === 'Going back' && one.notes.includes('more than may')) > 2, 'why it goes back is not said')
  console.log(`ok  ${readings.length} readings of a rollout, the latest of them ${Math.round(late)} ms behind its hosts`)
}

/** The end: exactly who failed, who went back, and who was never asked. */
function ended({ shown, truth, broken, fleet, last, order }) {
  const asked = order.slice(0, BAD * BATCH).map((host) => host.id)
  assert.equal(shown.status, 'rolledBack', shown.error)
  assert.deepEqual(truth.failures.toSorted(), broken.slice(0, BAD).toSorted(), 'others failed than those that are broken')
  const begun = (version) => fleet.deeds.filter((one) => one.did === 'begin' && one.version === version).map((one) => one.host).toSorted()
  assert.deepEqual(begun('2.0.0'), asked.toSorted(), 'others were asked than the first five batches, each once')
  assert.deepEqual(begun('1.0.0'), truth.changed.toSorted(), 'others went back than were changed')
  for (const host of truth.changed) assert.equal(fleet.deeds.findLast((one) => one.host === host).version, '1.0.0')
  const expected = { 'Failed, put back': BAD, 'Put back': asked.length - BAD, 'Left out': HOSTS - asked.length }
  assert.deepEqual(last.legend, expected)
  assert.deepEqual(counted(last), expected)
  assert.match(last.notes, /^5 of 200 hosts failed, .* put back: 95\. .* any more: 100\.$/)
  assert.match(last.alert, /hosts not done; .*did not become healthy/)
  const culprit = order.find((host) => last.alert.includes(`${host.name}: `))
  assert.ok(broken.includes(culprit?.id), `${last.alert} names a host that did not fail`)
}
