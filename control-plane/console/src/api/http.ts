/** What every call of the console carries, and what becomes of a failure. */
import { Problem, problemFrom } from './problem'

interface Context {
  language: string
  csrf: string
  org: string
  onUnauthenticated: () => void
}

const context: Context = { language: '', csrf: '', org: '', onUnauthenticated: () => undefined }

/** What the reader chose, which need not be what the browser asks for: mails come in it. */
export function setLanguage(language: string): void {
  context.language = language
}

export function setCsrfToken(token: string): void {
  context.csrf = token
}

export function setOrg(org: string): void {
  context.org = org
}

export function whenUnauthenticated(react: () => void): void {
  context.onUnauthenticated = react
}

/** `path` with the org, for addresses that can't carry a header (event streams, downloads). */
export function withOrg(path: string): string {
  if (!context.org) return path
  return `${path}${path.includes('?') ? '&' : '?'}org=${encodeURIComponent(context.org)}`
}

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS'])

/** `fetch` with the language, org and CSRF headers; throws a [`Problem`] unless the answer is a success. */
export async function send(request: Request): Promise<Response> {
  if (context.language) request.headers.set('Accept-Language', context.language)
  if (context.org) request.headers.set('Muster-Org', context.org)
  if (context.csrf && !SAFE.has(request.method)) request.headers.set('X-CSRF-Token', context.csrf)
  let response: Response
  try {
    response = await fetch(request, { credentials: 'same-origin' })
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error
    throw new Problem({ status: 0, title: 'network' })
  }
  if (response.ok) return response
  const body: unknown = await response.json().catch(() => null)
  const problem = problemFrom(response.status, body)
  if (response.status === 401 && !request.url.includes('/auth/')) context.onUnauthenticated()
  throw problem
}
