import { everyPage } from '@/api/everyPage'
import { body, server, type Schemas } from '@/api/server'
import { useThing } from '@/api/useThing'
import type { Tone } from '@/ui/StatusDot.vue'

export type DatabaseDrift = Schemas['DatabaseDrift']
export type DriftLook = Schemas['DriftLook']
export type DriftState = Schemas['DriftState']

/** Every database of every server, and how it last compared. */
export function useDrift() {
  return useThing<DatabaseDrift[]>(
    () => ['drift', 'all'],
    (signal) => everyPage((cursor) => body(server.GET('/api/v1/schema/drift', { params: { query: { cursor, limit: 500 } }, signal }))),
    { refreshMs: () => 60_000 },
  )
}

/** One of them with everything that was different. */
export function useDriftOf(serverId: () => string, database: () => string) {
  return useThing<DatabaseDrift>(
    () => ['drift', 'one', serverId(), database()],
    (signal) => body(server.GET('/api/v1/schema/servers/{id}/drift', { params: { path: { id: serverId() }, query: { database: database() } }, signal })),
  )
}

/** Its agent reads the database, which may take a moment. */
export function checkDrift(id: string, database: string): Promise<DatabaseDrift> {
  return body(server.POST('/api/v1/schema/servers/{id}/drift', { params: { path: { id } }, body: { database } }))
}

/** From now on what is there is what should be. */
export function takeOver(id: string, design: string): Promise<DatabaseDrift> {
  return body(server.POST('/api/v1/schema/servers/{id}/take-over', { params: { path: { id } }, body: { database: design } }))
}

export function driftTone(state: DriftState | undefined): Tone {
  switch (state) {
    case 'inStep':
      return 'ok'
    case 'drifted':
      return 'bad'
    case 'unclear':
    case 'unreached':
      return 'warn'
    default:
      return 'idle'
  }
}
