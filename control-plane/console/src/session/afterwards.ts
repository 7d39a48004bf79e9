import { safePath } from './safePath'

/** Where somebody wanted to go who is sent away to a provider, which brings them back to the front page. */

const KEY = 'muster.afterwards'

export function rememberAfterwards(to: unknown): void {
  const path = safePath(to)
  if (path === '/') sessionStorage.removeItem(KEY)
  else sessionStorage.setItem(KEY, path)
}

/** Once: whoever opens the front page later wants the front page. */
export function takeAfterwards(): string {
  const path = safePath(sessionStorage.getItem(KEY))
  sessionStorage.removeItem(KEY)
  return path
}
