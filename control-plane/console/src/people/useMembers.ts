import { computed } from 'vue'
import { body, server, some, type Schemas } from '@/api/server'
import { useList } from '@/api/useList'
import { useThing } from '@/api/useThing'

export type Member = Schemas['Member']
export type Role = Schemas['Role']
export type MemberPermissions = Schemas['MemberPermissions']
export type ObjectKind = Schemas['ObjectKind']
export type Objects = Record<string, string[]>

/** Lowest first. */
export const ROLES: readonly Role[] = ['VIEWER', 'MEMBER', 'ADMIN', 'OWNER']

/** Those up to and with one's own; the super administrator, who has none, gives all but the ownership. */
export function rolesUpTo(own: Role | null | undefined): Role[] {
  const most = own ? ROLES.indexOf(own) : ROLES.length - 1
  return ROLES.filter((role, at) => role !== 'OWNER' && at <= most)
}

export interface MemberFilter {
  search?: string
  role?: Role | ''
  status?: string
  limit?: number
}

export function useMembers(filter: () => MemberFilter, enabled: () => boolean = () => true) {
  return useList<Member>(
    () => ['members', filter()],
    (cursor, signal) => {
      const { role, status, ...rest } = filter()
      const query = some({ ...rest, role: role || undefined, status: status ? Number(status) : undefined, cursor })
      return body(server.GET('/api/v1/members', { params: { query }, signal }))
    },
    { enabled },
  )
}

/** Everybody, to choose from and to name: page after page. Ten thousand at most. */
export function useEverybody(enabled: () => boolean = () => true) {
  const found = useThing<Member[]>(
    () => ['members', 'all'],
    async (signal) => {
      const all: Member[] = []
      let cursor: string | undefined
      for (let page = 0; page < 20; page += 1) {
        const { items, nextCursor } = await body(server.GET('/api/v1/members', { params: { query: { limit: 500, cursor } }, signal }))
        all.push(...items)
        cursor = nextCursor ?? undefined
        if (!cursor) break
      }
      return all
    },
    { enabled },
  )
  return computed<Member[]>(() => found.data.value ?? [])
}

export function addMember(username: string, role: Role): Promise<Member> {
  return body(server.POST('/api/v1/members', { body: { username, role } }))
}

export function setRole(userId: string, role: Role): Promise<Member> {
  return body(server.PATCH('/api/v1/members/{userId}', { params: { path: { userId } }, body: { role } }))
}

export async function removeMember(userId: string): Promise<void> {
  await server.DELETE('/api/v1/members/{userId}', { params: { path: { userId } } })
}

export function useMemberPermissions(userId: () => string, enabled: () => boolean = () => true) {
  return useThing<MemberPermissions>(
    () => ['member-permissions', userId()],
    (signal) => body(server.GET('/api/v1/members/{userId}/permissions', { params: { path: { userId: userId() } }, signal })),
    { enabled },
  )
}

export function setMemberPermissions(userId: string, wanted: Schemas['PermissionsOfMember']): Promise<MemberPermissions> {
  return body(server.PUT('/api/v1/members/{userId}/permissions', { params: { path: { userId } }, body: wanted }))
}
