import type { RouteLocationRaw } from 'vue-router'
import { everyPage } from '@/api/everyPage'
import { body, server } from '@/api/server'

/** What refers to a cluster or an environment and keeps it from being deleted, as far as one sees it. */
export interface Obstacle {
  kind: 'hosts' | 'joinTokens' | 'servers' | 'applications'
  count: number
  /** What to call it, where it is one thing. */
  name?: string
  to: RouteLocationRaw
}

type May = (operation: string) => boolean

const LIMIT = 500

async function tokensOf(passes: (token: { clusterId?: string | null; environment?: string | null }) => boolean, may: May): Promise<Obstacle[]> {
  if (!may('joinToken:read')) return []
  const tokens = await everyPage((cursor) => body(server.GET('/api/v1/join-tokens', { params: { query: { cursor, limit: LIMIT } } })))
  const count = tokens.filter(passes).length
  return count ? [{ kind: 'joinTokens', count, to: { name: 'joinTokens' } }] : []
}

async function hostsOf(query: { cluster?: string; environment?: string }, may: May): Promise<Obstacle[]> {
  if (!may('host:read')) return []
  const hosts = await everyPage((cursor) => body(server.GET('/api/v1/hosts', { params: { query: { ...query, cursor, limit: LIMIT } } })))
  return hosts.length ? [{ kind: 'hosts', count: hosts.length, to: { name: 'hosts', query } }] : []
}

async function serversOf(environment: string, may: May): Promise<Obstacle[]> {
  if (!may('server:read')) return []
  const servers = await everyPage((cursor) => body(server.GET('/api/v1/schema/servers', { params: { query: { cursor, limit: LIMIT } } })))
  const count = servers.filter((one) => one.environment === environment).length
  return count ? [{ kind: 'servers', count, to: { name: 'databases', query: { environment } } }] : []
}

async function applicationsOf(environment: string, may: May): Promise<Obstacle[]> {
  if (!may('application:read')) return []
  const applications = await everyPage((cursor) => body(server.GET('/api/v1/applications', { params: { query: { cursor, limit: LIMIT } } })))
  return applications
    .filter((one) => environment in one.environments)
    .map((one) => ({ kind: 'applications', count: 1, name: one.name, to: { name: 'application', params: { id: one.id, tab: 'environments' } } }))
}

export async function clusterObstacles(id: string, may: May): Promise<Obstacle[]> {
  return (await Promise.all([hostsOf({ cluster: id }, may), tokensOf((one) => one.clusterId === id, may)])).flat()
}

export async function environmentObstacles(name: string, may: May): Promise<Obstacle[]> {
  const found = [hostsOf({ environment: name }, may), serversOf(name, may), applicationsOf(name, may), tokensOf((one) => one.environment === name, may)]
  return (await Promise.all(found)).flat()
}
