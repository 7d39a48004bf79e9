import { QueryClient, VueQueryPlugin } from '@tanstack/vue-query'
import { createApp, effectScope } from 'vue'
import { describe, expect, it, vi } from 'vitest'
import { useThing } from '@/api/useThing'

describe('a thing that is told to be new', () => {
  it('is asked for once more when the answer that is on its way has come, however often it is told', async () => {
    const answers: ((value: number) => void)[] = []
    const signals: AbortSignal[] = []
    const ask = (signal: AbortSignal) => {
      signals.push(signal)
      return new Promise<number>((done) => answers.push(done))
    }
    const app = createApp({}).use(VueQueryPlugin, { queryClient: new QueryClient({ defaultOptions: { queries: { retry: false } } }) })
    const scope = effectScope()
    const thing = app.runWithContext(() => scope.run(() => useThing(() => ['thing'], ask)))
    if (!thing) throw new Error('no thing')
    const asked = (times: number) => vi.waitFor(() => expect(answers).toHaveLength(times))

    await asked(1)
    for (let i = 0; i < 5; i += 1) thing.renew()
    answers[0]?.(1)
    await asked(2)
    expect(thing.data.value).toBe(1)
    // While the second one is asked, all over again.
    for (let i = 0; i < 5; i += 1) thing.renew()
    answers[1]?.(2)
    await asked(3)
    expect(thing.data.value).toBe(2)
    answers[2]?.(3)
    await vi.waitFor(() => expect(thing.data.value).toBe(3))
    expect(answers).toHaveLength(3)
    expect(signals.some((one) => one.aborted), 'an answer was cut short').toBe(false)

    // Nothing is on its way: it is asked for at once.
    thing.renew()
    await asked(4)
    scope.stop()
  })
})
