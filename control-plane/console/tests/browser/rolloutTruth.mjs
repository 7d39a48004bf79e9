/**
 * What hosts really did during a rollout that is taken back, as they told it themselves, and whether a page that was read
 * at a moment said so: each thing that it says must have been true at that moment, or until `LATE_MS` before it.
 */
export const LATE_MS = 2_000
const FAILED_HERE = 'it failed here'

/** What was true from when to when, and the words that a page has for it. */
class Spans {
  #spans = []

  add(word, from, to = Infinity) {
    if (from <= to) this.#spans.push({ word, from, to })
    return this
  }

  /** How long a page that says it at this moment is behind, in ms; infinity if it was not true before. */
  late(word, at) {
    const lates = this.#spans.filter((one) => one.word === word && one.from <= at).map((one) => Math.max(0, at - one.to))
    return Math.min(Infinity, ...lates)
  }

  /** For whoever reads why something is wrong. */
  at(moment) {
    return this.#spans.filter((one) => one.from <= moment && one.to >= moment - LATE_MS).map((one) => one.word).join(' or ') || 'nothing'
  }
}

/**
 * `deeds` of hosts since `asked`, when the deployment of `next` began; `order` are the hosts' ids and names in batches of
 * `size`, of which more than `mayFail` failed.
 */
export function truthOf({ deeds, asked, order, size, mayFail, next }) {
  const of = (did, version) => deeds.filter((one) => one.did === did && (version === 'next') === (one.version === next))
  const first = (list) => Math.min(Infinity, ...list.map((one) => one.at))
  const last = (list) => Math.max(-Infinity, ...list.map((one) => one.at))
  const failures = of('putBack', 'next').toSorted((a, b) => a.at - b.at)
  const decided = failures[mayFail]?.at ?? Infinity
  const over = Math.max(last(of('change', 'before')), decided)
  const batches = Array.from({ length: Math.ceil(order.length / size) }, (_, i) => order.slice(i * size, (i + 1) * size).map((host) => host.id))

  const hosts = new Map()
  for (const { id, name } of order) {
    const own = (did, version) => of(did, version).find((one) => one.host === id)?.at ?? Infinity
    const [began, changed, failed] = [own('begin', 'next'), own('change', 'next'), own('putBack', 'next')]
    const [returning, back] = [own('begin', 'before'), own('change', 'before')]
    const spans = new Spans().add('Waiting', -Infinity, Math.min(began, began === Infinity ? decided : Infinity))
    if (began === Infinity) spans.add('Left out', decided)
    else spans.add('Running', began, Math.min(changed, failed))
    if (failed < Infinity) spans.add(`Put back, ${FAILED_HERE}`, failed)
    if (changed < Infinity) {
      // From when it is decided it is asked to go back, which it does not know yet.
      spans.add('Succeeded', changed, returning).add('Running', Math.max(changed, decided), back)
      if (back < Infinity) spans.add('Put back', back)
    }
    hosts.set(name, spans)
  }

  const state = new Spans().add('Waiting', -Infinity, first(of('begin', 'next'))).add('Running', asked, decided).add('Going back', decided, over).add('Put back', over)
  const where = new Spans().add('Going back', decided, over).add(`${batches.length} batches`, over)
  let before = asked
  batches.forEach((ids, number) => {
    const those = (list) => list.filter((one) => ids.includes(one.host))
    const following = batches[number + 1] ?? []
    const left = Math.min(decided, first(of('begin', 'next').filter((one) => following.includes(one.host))))
    if (before < Infinity) where.add(`Batch ${number + 1} of ${batches.length}`, before, left)
    const ended = [...those(of('change', 'next')), ...those(of('putBack', 'next'))]
    before = ended.length === ids.length ? last(ended) : Infinity
  })
  return { hosts, state, where, decided, over, failures: failures.map((one) => one.host), changed: of('change', 'next').map((one) => one.host) }
}

/** In the browser: all that the page says of a rollout at this moment. */
export function readRollout() {
  const text = (element) => element?.textContent?.trim() ?? ''
  const legend = document.querySelector('.legend')
  return {
    at: Date.now(),
    state: text(document.querySelector('.status.pill')),
    where: text(legend?.closest('section')?.querySelector('[role=status]')),
    legend: Object.fromEntries([...(legend?.querySelectorAll('li') ?? [])].map((part) => [text(part.querySelector('.status')), Number(text(part.querySelector('strong')))])),
    hosts: [...document.querySelectorAll('[role=listbox] [role=option]')].map((tile) => tile.getAttribute('aria-label').split(': ')),
    alert: text(document.querySelector('[role=alert]')),
    notes: text(document.querySelector('.note[role=status]')),
  }
}

/** How many tiles say what, as the legend counts. */
export function counted(reading) {
  const counts = {}
  for (const [, said] of reading.hosts) {
    const word = said.endsWith(FAILED_HERE) ? 'Failed, put back' : said
    counts[word] = (counts[word] ?? 0) + 1
  }
  return counts
}

/** What a reading says wrongly or too late, and by how much the latest of what it says is behind. */
export function judge(reading, truth) {
  const wrong = []
  let late = 0
  const check = (what, word, spans) => {
    const behind = spans ? spans.late(word, reading.at) : Infinity
    if (behind > LATE_MS) wrong.push(`${what}: “${word}” instead of ${spans?.at(reading.at)}${behind < Infinity ? `, ${behind} ms late` : ''}`)
    else late = Math.max(late, behind)
  }
  check('the state', reading.state, truth.state)
  if (reading.hosts.length === 0) return { wrong, late }
  check('where it is', reading.where, truth.where)
  for (const [name, said] of reading.hosts) check(name, said, truth.hosts.get(name))
  const tiles = JSON.stringify(Object.entries(counted(reading)).toSorted())
  const legend = JSON.stringify(Object.entries(reading.legend).toSorted())
  if (tiles !== legend) wrong.push(`the numbers say ${legend}, the hosts ${tiles}`)
  if (reading.alert && reading.at < truth.over) wrong.push(`it says “${reading.alert}” before the end`)
  return { wrong, late }
}
