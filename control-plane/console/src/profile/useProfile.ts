import { body, server, type Schemas } from '@/api/server'
import { useThing } from '@/api/useThing'

export type User = Schemas['User']
export type ProfilePatch = Schemas['ProfilePatch']

export function useProfile(enabled: () => boolean) {
  return useThing<User>(
    () => ['profile'],
    (signal) => body(server.GET('/api/v1/me/profile', { signal })),
    { enabled },
  )
}

export function updateProfile(patch: ProfilePatch): Promise<User> {
  return body(server.PATCH('/api/v1/me/profile', { body: patch }))
}

/** Ends all sessions, this one too. */
export async function changePassword(oldPassword: string, newPassword: string): Promise<void> {
  await server.POST('/api/v1/me/password', { body: { oldPassword, newPassword } })
}

/** How hard it would be to guess, for who knows me. */
export function judgePassword(password: string): Promise<Schemas['Judged']> {
  return body(server.POST('/api/v1/me/password/strength', { body: { password } }))
}

export async function logOutEverywhere(): Promise<void> {
  await server.POST('/api/v1/auth/logout-everywhere')
}

/** Has a link mailed that verifies one's address. */
export async function mailVerification(): Promise<void> {
  await server.POST('/api/v1/me/email/verification')
}

/** Has a code sent that verifies one's number; answers the challenge. */
export async function sendMobileCode(): Promise<string> {
  return (await body(server.POST('/api/v1/me/mobile/verification'))).challenge
}

export async function verifyMobile(challenge: string, code: string): Promise<void> {
  await server.POST('/api/v1/me/mobile/verify', { body: { challenge, code } })
}
