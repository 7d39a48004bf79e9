/** Gaps of the network: a laptop that changes from one to another must not look signed out, or stay an empty page. */
import { asProblem } from './problem'

const WAITS = [400, 1_200]
const LOADED_ANEW = 'muster.loadedAnew'
const APART = 10_000

/** Does what only asks; again, and once more, where nobody answered. */
export async function throughGaps<T>(ask: () => Promise<T>, waits: readonly number[] = WAITS): Promise<T> {
  for (const wait of waits) {
    try {
      return await ask()
    } catch (error) {
      if (asProblem(error).status !== 0) throw error
    }
    await new Promise((done) => setTimeout(done, wait))
  }
  return ask()
}

const lost = new WeakSet<Error>()

/** Remembers which errors are pages whose code did not arrive: by a gap, or because a newer console is served by now. */
export function watchPages(target: EventTarget = window): void {
  target.addEventListener('vite:preloadError', (event) => {
    const { payload } = event as Event & { payload?: unknown }
    if (payload instanceof Error) lost.add(payload)
  })
}

/** Whether `error` asks for loading the whole console anew: not twice within ten seconds, which would never end. */
export function wantsLoading(error: unknown, now = Date.now(), kept: Pick<Storage, 'getItem' | 'setItem'> = sessionStorage): boolean {
  if (!(error instanceof Error) || !lost.has(error)) return false
  if (now - Number(kept.getItem(LOADED_ANEW) ?? 0) < APART) return false
  kept.setItem(LOADED_ANEW, String(now))
  return true
}
