import { computed } from 'vue'
import { body, server, type Schemas } from '@/api/server'
import { useThing } from '@/api/useThing'
import { useSession } from '@/session/session'

type ObjectKind = Schemas['ObjectKind']

export const OBJECT_KINDS: readonly ObjectKind[] = ['clusters', 'hosts', 'environments', 'applications', 'servers', 'databases', 'secretGroups', 'files']

export interface ObjectChoice {
  value: string
  label: string
  note?: string
}

const NEEDS: Record<ObjectKind, string> = {
  clusters: 'cluster:read',
  hosts: 'host:read',
  environments: 'environment:read',
  applications: 'application:read',
  servers: 'server:read',
  databases: 'server:read',
  secretGroups: 'secret:read',
  files: 'file:read',
}

const QUERY = { params: { query: { limit: 500 } } }

const FETCH: Record<ObjectKind, (signal: AbortSignal) => Promise<ObjectChoice[]>> = {
  clusters: async (signal) => (await body(server.GET('/api/v1/clusters', { ...QUERY, signal }))).items.map((one) => ({ value: one.id, label: one.name })),
  hosts: async (signal) =>
    (await body(server.GET('/api/v1/hosts', { ...QUERY, signal }))).items.map((one) => ({ value: one.id, label: one.name, note: one.environment ?? undefined })),
  environments: async (signal) =>
    (await body(server.GET('/api/v1/environments', { ...QUERY, signal }))).items.map((one) => ({ value: one.name, label: one.name })),
  applications: async (signal) => (await body(server.GET('/api/v1/applications', { ...QUERY, signal }))).items.map((one) => ({ value: one.id, label: one.name })),
  servers: async (signal) =>
    (await body(server.GET('/api/v1/schema/servers', { ...QUERY, signal }))).items.map((one) => ({ value: one.id, label: one.label, note: one.environment })),
  databases: async (signal) => {
    const names = (await body(server.GET('/api/v1/schema/servers', { ...QUERY, signal }))).items.flatMap((one) => one.databases)
    return [...new Set(names)].sort().map((name) => ({ value: name, label: name }))
  },
  secretGroups: async (signal) => (await body(server.GET('/api/v1/secrets/groups', { ...QUERY, signal }))).items.map((one) => ({ value: one.id, label: one.name })),
  files: () => Promise.resolve([]),
}

/** The objects of a kind that one sees, to choose from and to name. */
export function useObjects(kind: () => ObjectKind | undefined) {
  const session = useSession()
  const found = useThing<ObjectChoice[]>(
    () => ['objects', kind()],
    (signal) => FETCH[kind() ?? 'files'](signal),
    { enabled: () => kind() !== undefined && session.may(NEEDS[kind() ?? 'files']) },
  )
  const choices = computed(() => found.data.value ?? [])
  return { choices, nameOf: (id: string) => choices.value.find((one) => one.value === id)?.label ?? id }
}
