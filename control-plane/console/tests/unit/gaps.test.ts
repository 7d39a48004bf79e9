import { describe, expect, it } from 'vitest'
import { throughGaps, wantsLoading, watchPages } from '@/api/gaps'
import { Problem } from '@/api/problem'

const nobody = () => new Problem({ status: 0, title: 'network' })

function asked(answers: (Problem | string)[]) {
  let times = 0
  const ask = () => {
    const answer = answers[times] ?? 'too often'
    times += 1
    return answer instanceof Problem ? Promise.reject(answer) : Promise.resolve(answer)
  }
  return { ask, times: () => times }
}

describe('a gap of the network', () => {
  it('is waited for, twice', async () => {
    const one = asked([nobody(), nobody(), 'here'])
    expect(await throughGaps(one.ask, [0, 0])).toBe('here')
    expect(one.times()).toBe(3)
  })

  it('that goes on is said', async () => {
    const one = asked([nobody(), nobody(), nobody()])
    await expect(throughGaps(one.ask, [0, 0])).rejects.toMatchObject({ status: 0 })
    expect(one.times()).toBe(3)
  })

  it('is not what an answer is', async () => {
    const one = asked([new Problem({ status: 401 })])
    await expect(throughGaps(one.ask, [0, 0])).rejects.toMatchObject({ status: 401 })
    expect(one.times()).toBe(1)
  })
})

describe('a page whose code did not arrive', () => {
  const target = new EventTarget()
  watchPages(target)
  const lost = (message: string) => {
    const error = new Error(message)
    target.dispatchEvent(Object.assign(new Event('vite:preloadError'), { payload: error }))
    return error
  }
  const storage = () => {
    const kept = new Map<string, string>()
    return { getItem: (key: string) => kept.get(key) ?? null, setItem: (key: string, value: string) => void kept.set(key, value) }
  }

  it('is loaded anew, but not again and again', () => {
    const kept = storage()
    const error = lost('Failed to fetch dynamically imported module')
    expect(wantsLoading(error, 100_000, kept)).toBe(true)
    expect(wantsLoading(error, 105_000, kept)).toBe(false)
    expect(wantsLoading(error, 111_000, kept)).toBe(true)
  })

  it('is not any other error', () => {
    expect(wantsLoading(new Error('a guard failed'), 100_000, storage())).toBe(false)
  })
})
