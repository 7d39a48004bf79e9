import { everyPage } from '@/api/everyPage'
import { body, server, type Schemas } from '@/api/server'
import { useThing } from '@/api/useThing'

export type Cluster = Schemas['Cluster']
export type Environment = Schemas['Environment']

/** All clusters by name: there are few, and each says how many hosts are in it. */
export function useClusters() {
  return useThing<Cluster[]>(
    () => ['clusters'],
    (signal) => everyPage((cursor) => body(server.GET('/api/v1/clusters', { params: { query: { cursor, limit: 500 } }, signal }))),
    { refreshMs: () => 30_000 },
  )
}

export function createCluster(input: Schemas['NewCluster']): Promise<Cluster> {
  return body(server.POST('/api/v1/clusters', { body: input }))
}

export function updateCluster(id: string, patch: Schemas['ClusterPatch']): Promise<Cluster> {
  return body(server.PATCH('/api/v1/clusters/{id}', { params: { path: { id } }, body: patch }))
}

export async function deleteCluster(id: string): Promise<void> {
  await server.DELETE('/api/v1/clusters/{id}', { params: { path: { id } } })
}

/** All environments in their order. */
export function useEnvironments() {
  return useThing<Environment[]>(
    () => ['environments'],
    (signal) => everyPage((cursor) => body(server.GET('/api/v1/environments', { params: { query: { cursor, limit: 500 } }, signal }))),
    { refreshMs: () => 30_000 },
  )
}

export function createEnvironment(input: Schemas['NewEnvironment']): Promise<Environment> {
  return body(server.POST('/api/v1/environments', { body: input }))
}

export function updateEnvironment(id: string, patch: Schemas['EnvironmentPatch']): Promise<Environment> {
  return body(server.PATCH('/api/v1/environments/{id}', { params: { path: { id } }, body: patch }))
}

export async function deleteEnvironment(id: string): Promise<void> {
  await server.DELETE('/api/v1/environments/{id}', { params: { path: { id } } })
}
