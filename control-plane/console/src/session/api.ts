import { body, server, type Schemas } from '@/api/server'
import type { Method } from './question'

export type Me = Schemas['Me']
export type Ways = Schemas['SignInWays']
export type CodeWay = Schemas['CodeWay']

const COOKIE = { params: { query: { mode: 'cookie' } } } as const

/** Only where it was named: the server knows the usual one. */
function at(platform: string): { platform?: string } {
  return platform ? { platform } : {}
}

export function fetchMe(): Promise<Me> {
  return body(server.GET('/api/v1/me'))
}

/** What one may do in the chosen org: codes such as `host:read`. */
export function fetchPermissions(): Promise<Schemas['MyPermissions']> {
  return body(server.GET('/api/v1/me/permissions'))
}

/** Signs in with HttpOnly cookies. */
export function logIn(login: string, password: string, platform: string): Promise<Schemas['SignedIn']> {
  return body(server.POST('/api/v1/auth/login', { ...COOKIE, body: { login, password, ...at(platform) } }))
}

/** Answers what is left of a sign-in. */
export function answerChallenge(challenge: string, method: Method, code: string): Promise<Schemas['SignedIn']> {
  return body(server.POST('/api/v1/auth/challenge', { ...COOKIE, body: { challenge, method, code } }))
}

/** Has a code mailed that answers a second factor's challenge. */
export async function mailCode(challenge: string): Promise<void> {
  await server.POST('/api/v1/auth/challenge/code', { body: { challenge } })
}

/** Has a code sent that signs in instead of a password; answers the challenge. The same for an account that is not there. */
export async function askCode(login: string, by: CodeWay, platform: string): Promise<string> {
  return (await body(server.POST('/api/v1/auth/code', { body: { login, by, ...at(platform) } }))).challenge
}

/** Where the browser has to go to sign in by somebody else. */
export async function startProvider(provider: string, platform: string): Promise<string> {
  return (await body(server.POST('/api/v1/auth/providers/{provider}/start', { params: { path: { provider } }, body: at(platform) }))).url
}

export async function forgotPassword(login: string, platform: string): Promise<void> {
  await server.POST('/api/v1/auth/password/forgot', { body: { login, ...at(platform) } })
}

export async function resetPassword(token: string, password: string): Promise<void> {
  await server.POST('/api/v1/auth/password/reset', { body: { token, password } })
}

export async function verifyEmail(token: string): Promise<void> {
  await server.POST('/api/v1/auth/email/verify', { body: { token } })
}

export async function logOut(): Promise<void> {
  await server.POST('/api/v1/auth/logout')
}
