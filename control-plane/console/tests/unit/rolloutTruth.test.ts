import { describe, expect, it } from 'vitest'
import { LATE_MS, counted, judge, truthOf, type Deed, type Reading } from '../browser/rolloutTruth.mjs'

/** Three batches of two; none may fail. `b` of the first fails, so `c` to `f` are never asked and `a` goes back. */
const order = ['a', 'b', 'c', 'd', 'e', 'f'].map((id) => ({ id, name: `host-${id}` }))
const deed = (host: string, did: Deed['did'], at: number, version = '2'): Deed => ({ host, did, at, version })
const deeds = [
  deed('a', 'begin', 1_000),
  deed('b', 'begin', 1_010),
  deed('a', 'change', 5_000),
  deed('b', 'putBack', 9_000),
  deed('a', 'begin', 9_100, '1'),
  deed('a', 'change', 14_000, '1'),
]
const truth = truthOf({ deeds, asked: 500, order, size: 2, mayFail: 0, next: '2' })

function reading(at: number, state: string, where: string, said: string[], more: Partial<Reading> = {}): Reading {
  const hosts = order.map(({ name }, i): [string, string] => [name, said[i] ?? ''])
  const seen = { at, state, where, hosts, legend: {}, alert: '', notes: '', ...more }
  return { ...seen, legend: more.legend ?? counted(seen) }
}
const waiting = Array<string>(4).fill('Waiting')
const leftOut = Array<string>(4).fill('Left out')
const failed = 'Put back, it failed here'

describe('a page that tells of a rollout', () => {
  it('is right when it says what was so, and a little later', () => {
    for (const one of [
      reading(600, 'Waiting', 'Batch 1 of 3', Array<string>(6).fill('Waiting')),
      reading(1_020, 'Running', 'Batch 1 of 3', ['Running', 'Running', ...waiting]),
      reading(6_000, 'Running', 'Batch 1 of 3', ['Succeeded', 'Running', ...waiting]),
      reading(9_050, 'Going back', 'Going back', ['Running', failed, ...leftOut]),
      reading(14_000, 'Put back', '3 batches', ['Put back', failed, ...leftOut]),
    ]) {
      expect(judge(one, truth).wrong, String(one.at)).toEqual([])
    }
    const behind = reading(5_000 + LATE_MS, 'Running', 'Batch 1 of 3', ['Running', 'Running', ...waiting])
    expect(judge(behind, truth)).toEqual({ wrong: [], late: LATE_MS })
  })

  it('is wrong when it is late', () => {
    expect(judge(reading(5_001 + LATE_MS, 'Running', 'Batch 1 of 3', ['Running', 'Running', ...waiting]), truth).wrong).toHaveLength(1)
    expect(judge(reading(14_001 + LATE_MS, 'Going back', 'Going back', ['Put back', failed, ...leftOut]), truth).wrong).toHaveLength(2)
  })

  it('is wrong when it runs ahead, hides a failure, or counts otherwise than its hosts', () => {
    const wrong = (one: Reading) => judge(one, truth).wrong.join('; ')
    expect(wrong(reading(4_999, 'Running', 'Batch 1 of 3', ['Succeeded', 'Running', ...waiting]))).toContain('host-a: “Succeeded”')
    expect(wrong(reading(8_000, 'Running', 'Batch 2 of 3', ['Succeeded', 'Running', ...waiting]))).toContain('where it is')
    expect(wrong(reading(14_000, 'Put back', '3 batches', ['Put back', 'Put back', ...leftOut]))).toContain('host-b')
    expect(wrong(reading(13_999, 'Put back', '3 batches', ['Running', failed, ...leftOut]))).toContain('the state')
    // As it was: whoever was on the way back was counted among those that succeeded.
    const legend = { Succeeded: 1, 'Failed, put back': 1, 'Left out': 4 }
    expect(wrong(reading(9_500, 'Going back', 'Going back', ['Running', failed, ...leftOut], { legend }))).toContain('the numbers say')
    expect(wrong(reading(9_500, 'Going back', 'Going back', ['Running', failed, ...leftOut], { alert: 'over' }))).toContain('before the end')
  })
})
