import { Problem } from '@/api/problem'
import { body, server, type Schemas } from '@/api/server'

export type Me = Schemas['Me']

export function fetchMe(): Promise<Me> {
  return body(server.GET('/api/v1/me'))
}

/** What one may do in the chosen org: codes such as `host:read`. */
export function fetchPermissions(): Promise<Schemas['MyPermissions']> {
  return body(server.GET('/api/v1/me/permissions'))
}

/** Signs in with HttpOnly cookies; answers the CSRF token. */
export async function logIn(login: string, password: string, platform: string): Promise<string> {
  const call = server.POST('/api/v1/auth/login', { params: { query: { mode: 'cookie' } }, body: { login, password, ...(platform ? { platform } : {}) } })
  const { mfaRequired, csrfToken } = await body(call)
  // Nobody is signed in yet; this console can't answer the challenge.
  if (mfaRequired) throw new Problem({ status: 403, type: 'mfa-required' })
  return csrfToken ?? ''
}

export async function logOut(): Promise<void> {
  await server.POST('/api/v1/auth/logout')
}
