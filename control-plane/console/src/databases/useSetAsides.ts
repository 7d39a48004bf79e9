import { body, server, type Schemas } from '@/api/server'
import { useList } from '@/api/useList'
import type { Tone } from '@/ui/StatusDot.vue'

export type SetAside = Schemas['SetAside']
export type SetAsideState = Schemas['SetAsideState']
export type Wish = Schemas['Wish']

/** Tables and columns that were renamed aside, and rows that were kept, newest first. */
export function useSetAsides(state: () => SetAsideState | undefined) {
  return useList<SetAside>(
    () => ['setAsides', state() ?? ''],
    (cursor, signal) => body(server.GET('/api/v1/schema/set-asides', { params: { query: { state: state(), cursor, limit: 50 } }, signal })),
    { refreshMs: 60_000 },
  )
}

/** Opens a ticket; others approve it. */
export async function proposeFor(id: string, wish: Wish): Promise<string> {
  const params = { path: { id } }
  const proposed = await (wish === 'drop'
    ? body(server.POST('/api/v1/schema/set-asides/{id}/drop', { params }))
    : body(server.POST('/api/v1/schema/set-asides/{id}/restore', { params })))
  return proposed.ticketId
}

/** How it stands, for a dot. */
export function setAsideTone(one: Pick<SetAside, 'state' | 'expiresAt'>, now: number): Tone {
  if (one.state !== 'kept') return 'idle'
  return isExpired(one, now) ? 'warn' : 'ok'
}

export function isExpired(one: Pick<SetAside, 'state' | 'expiresAt'>, now: number): boolean {
  return one.state === 'kept' && Date.parse(one.expiresAt) <= now
}

/** The proposal that is under way; while there is one, no other can be made. */
export function underWay(one: Pick<SetAside, 'state' | 'proposal'>): SetAside['proposal'] {
  const still = one.proposal?.status === 'pending' || one.proposal?.status === 'approved'
  return one.state === 'kept' && still ? one.proposal : null
}

/** The whole name, as people say it. */
export function nameOf(one: Pick<SetAside, 'kind' | 'table' | 'name'>): string {
  return one.kind === 'column' ? `${one.table}.${one.name}` : one.name
}
