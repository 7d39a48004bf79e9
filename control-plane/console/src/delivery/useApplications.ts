import { body, server, type Schemas } from '@/api/server'
import { useList } from '@/api/useList'
import { useThing } from '@/api/useThing'

export type Application = Schemas['Application']
export type ApplicationEnvironment = Schemas['ApplicationEnvironment']
export type EnvironmentState = Schemas['EnvironmentState']
export type EffectiveVariable = Schemas['EffectiveVariable']
export type WebhookToken = Schemas['WebhookToken']
export type GitSecret = Schemas['GitSecret']

export function useApplications(enabled: () => boolean = () => true) {
  return useList<Application>(
    () => ['applications'],
    (cursor, signal) => body(server.GET('/api/v1/applications', { params: { query: { cursor, limit: 200 } }, signal })),
    { enabled, refreshMs: 15_000 },
  )
}

export function useApplication(id: () => string) {
  return useThing<Application>(
    () => ['application', id()],
    (signal) => body(server.GET('/api/v1/applications/{id}', { params: { path: { id: id() } }, signal })),
    { refreshMs: () => 10_000 },
  )
}

export function createApplication(input: Schemas['NewApplication']): Promise<Application> {
  return body(server.POST('/api/v1/applications', { body: input }))
}

export function updateApplication(id: string, patch: Schemas['ApplicationPatch']): Promise<Application> {
  return body(server.PATCH('/api/v1/applications/{id}', { params: { path: { id } }, body: patch }))
}

export async function deleteApplication(id: string): Promise<void> {
  await server.DELETE('/api/v1/applications/{id}', { params: { path: { id } } })
}

export function useEnvironmentStates(id: () => string) {
  return useThing<EnvironmentState[]>(
    () => ['application', id(), 'environments'],
    async (signal) => (await body(server.GET('/api/v1/applications/{id}/environments', { params: { path: { id: id() } }, signal }))).items,
    { refreshMs: () => 5_000 },
  )
}

/** The variables that a container would have in an environment now. */
export function useEffective(id: () => string, environment: () => string) {
  return useThing<EffectiveVariable[]>(
    () => ['env-vars', id(), 'effective', environment()],
    async (signal) => (await body(server.GET('/api/v1/applications/{id}/environments/{name}/env', { params: { path: { id: id(), name: environment() } }, signal }))).items,
    { enabled: () => environment() !== '' },
  )
}

export function useStats(id: () => string, enabled: () => boolean = () => true) {
  return useThing<Schemas['DeploymentStats']>(
    () => ['application', id(), 'stats'],
    (signal) => body(server.GET('/api/v1/applications/{id}/stats', { params: { path: { id: id() }, query: { days: 90 } }, signal })),
    { enabled, refreshMs: () => 30_000 },
  )
}

/** A new token; the one before works on for so many seconds. */
export function rotateToken(id: string, environment: string, overlapS: number): Promise<WebhookToken> {
  return body(server.POST('/api/v1/applications/{id}/webhook-token', { params: { path: { id } }, body: { environment, overlapS } }))
}

export function importSecrets(id: string, groupId: string, environment: string): Promise<Schemas['Imported']> {
  return body(server.POST('/api/v1/applications/{id}/import-secrets', { params: { path: { id } }, body: { groupId, environment: environment || null } }))
}

/** A new secret for the Git host; the one before ends at once. */
export function rotateGitSecret(id: string): Promise<GitSecret> {
  return body(server.POST('/api/v1/applications/{id}/git-secret', { params: { path: { id } } }))
}

/** What an event at the Git host would do. */
export function tryEvent(id: string, tried: Schemas['TriedEvent']) {
  return body(server.POST('/api/v1/applications/{id}/try-event', { params: { path: { id } }, body: tried }))
}

export type WebhookGuard = Schemas['WebhookGuard']

/** What webhook calls need beside their token, by environment. */
export function useGuards(id: () => string) {
  return useThing<WebhookGuard[]>(
    () => ['application', id(), 'guards'],
    async (signal) => (await body(server.GET('/api/v1/applications/{id}/webhook-guards', { params: { path: { id: id() } }, signal }))).items,
  )
}

/** The last calls that were refused. */
export function useRefusals(id: () => string, enabled: () => boolean) {
  return useThing<Schemas['WebhookRefusal'][]>(
    () => ['application', id(), 'refusals'],
    async (signal) => (await body(server.GET('/api/v1/applications/{id}/webhook-refusals', { params: { path: { id: id() } }, signal }))).items,
    { enabled, refreshMs: () => 15_000 },
  )
}

export function setGuard(id: string, name: string, patch: Schemas['WebhookGuardPatch']): Promise<WebhookGuard> {
  return body(server.PATCH('/api/v1/applications/{id}/webhook-guards/{name}', { params: { path: { id, name } }, body: patch }))
}

/** A new signing secret: from now on calls need it. */
export function makeGuardSecret(id: string, name: string): Promise<Schemas['WebhookSecret']> {
  return body(server.POST('/api/v1/applications/{id}/webhook-guards/{name}/secret', { params: { path: { id, name } } }))
}
