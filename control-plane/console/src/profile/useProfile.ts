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

export async function logOutEverywhere(): Promise<void> {
  await server.POST('/api/v1/auth/logout-everywhere')
}
