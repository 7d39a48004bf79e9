import { body, server, type Schemas } from '@/api/server'
import { useList } from '@/api/useList'
import { useThing } from '@/api/useThing'
import type { Role } from './useMembers'

export type JoinRequest = Schemas['JoinRequest']
export type EntrySetting = Schemas['EntrySetting']
export type ProfileField = Schemas['ProfileField']
export type Invitation = Schemas['Invitation']

export const PROFILE_FIELDS: readonly ProfileField[] = ['email', 'mobile', 'nickName', 'portrait', 'gender', 'birthday']

export function useJoinRequests(enabled: () => boolean = () => true) {
  return useList<JoinRequest>(
    () => ['join-requests'],
    (cursor, signal) => body(server.GET('/api/v1/join-requests', { params: { query: { cursor } }, signal })),
    { enabled, refreshMs: 15_000 },
  )
}

export async function approve(userId: string, role: Role): Promise<void> {
  await server.POST('/api/v1/join-requests/{userId}/approve', { params: { path: { userId } }, body: { role } })
}

export async function reject(userId: string, reason: string): Promise<void> {
  await server.POST('/api/v1/join-requests/{userId}/reject', { params: { path: { userId } }, body: { reason } })
}

/** Null: nobody can apply. */
export function useEntrySetting() {
  return useThing<EntrySetting | null>(
    () => ['entry-setting'],
    async (signal) => (await body(server.GET('/api/v1/org/entry', { signal }))) ?? null,
  )
}

export function setEntry(fields: ProfileField[]): Promise<EntrySetting> {
  return body(server.PUT('/api/v1/org/entry', { body: { fields } }))
}

export async function clearEntry(): Promise<void> {
  await server.DELETE('/api/v1/org/entry')
}

export function applyByCode(code: string): Promise<Schemas['Applied']> {
  return body(server.POST('/api/v1/join-requests', { body: { code } }))
}

export function useInvitations() {
  return useList<Invitation>(
    () => ['invitations'],
    (cursor, signal) => body(server.GET('/api/v1/invitations', { params: { query: { cursor } }, signal })),
  )
}

/** Answers the link, which is not shown again. Without a configured address it is a path of this console. */
export async function invite(input: Schemas['NewInvitation']): Promise<string> {
  const { link } = await body(server.POST('/api/v1/invitations', { body: input }))
  return new URL(link, window.location.origin).href
}

export async function withdraw(id: string): Promise<void> {
  await server.DELETE('/api/v1/invitations/{id}', { params: { path: { id } } })
}

export function acceptInvitation(token: string): Promise<Schemas['Joined']> {
  return body(server.POST('/api/v1/invitations/accept', { body: { token } }))
}

export type OwnRequest = Schemas['OwnRequest']

/** One's own requests that let one in nowhere yet. */
export function useOwnRequests(enabled: () => boolean = () => true) {
  return useThing<OwnRequest[]>(
    () => ['own-requests'],
    async (signal) => (await body(server.GET('/api/v1/me/join-requests', { signal }))).items,
    { enabled, refreshMs: () => 15_000 },
  )
}

export async function withdrawOwn(orgId: string): Promise<void> {
  await server.DELETE('/api/v1/me/join-requests/{orgId}', { params: { path: { orgId } } })
}

/** What a link invites to, while it works. */
export function useInvitation(token: () => string) {
  return useThing<Schemas['InvitationView']>(
    () => ['invitation', token()],
    (signal) => body(server.POST('/api/v1/invitations/look', { body: { token: token() }, signal })),
  )
}
