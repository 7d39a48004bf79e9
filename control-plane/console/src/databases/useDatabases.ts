import { everyPage } from '@/api/everyPage'
import { body, server, type Schemas } from '@/api/server'
import { useThing } from '@/api/useThing'

export type DatabaseServer = Schemas['Server']
export type ServerTest = Schemas['ServerTest']

/** All database servers: there are few, and none of them is far away from another. */
export function useDatabases() {
  return useThing<DatabaseServer[]>(
    () => ['servers', 'all'],
    (signal) => everyPage((cursor) => body(server.GET('/api/v1/schema/servers', { params: { query: { cursor, limit: 500 } }, signal }))),
    { refreshMs: () => 30_000 },
  )
}

export function createDatabase(input: Schemas['NewServer']): Promise<DatabaseServer> {
  return body(server.POST('/api/v1/schema/servers', { body: input }))
}

export function updateDatabase(id: string, patch: Schemas['ServerPatch']): Promise<DatabaseServer> {
  return body(server.PATCH('/api/v1/schema/servers/{id}', { params: { path: { id } }, body: patch }))
}

export async function deleteDatabase(id: string): Promise<void> {
  await server.DELETE('/api/v1/schema/servers/{id}', { params: { path: { id } } })
}

/** Its agent connects, which may take a moment; answers what came of it. */
export function testDatabase(id: string, database: string): Promise<ServerTest> {
  return body(server.POST('/api/v1/schema/servers/{id}/test', { params: { path: { id } }, body: { database } }))
}
