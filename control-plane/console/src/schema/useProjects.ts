import { body, server, some, type Schemas } from '@/api/server'
import { useList } from '@/api/useList'
import { useThing } from '@/api/useThing'

export type Project = Schemas['ProjectHead']
export type GitHook = Schemas['GitHook']
export type GitHookInput = Schemas['GitHookInput']
export type GitPush = Schemas['GitPush']
export type GitWish = Schemas['GitWish']
export type GitRefusal = Schemas['GitRefusal']

export function useProjects(search: () => string) {
  return useList<Project>(
    () => ['projects', 'list', search()],
    (cursor, signal) => body(server.GET('/api/v1/schema/projects', { params: { query: some({ search: search(), cursor }) }, signal })),
  )
}

export function useProject(id: () => string) {
  return useThing<Project>(
    () => ['projects', 'one', id()],
    (signal) => body(server.GET('/api/v1/schema/projects/{id}', { params: { path: { id: id() } }, signal })),
  )
}

/** A project's Git hooks: twenty at most. */
export function useGitHooks(project: () => string) {
  return useThing<GitHook[]>(
    () => ['projects', 'hooks', project()],
    async (signal) => (await body(server.GET('/api/v1/schema/projects/{id}/hooks', { params: { path: { id: project() }, query: { limit: 100 } }, signal }))).items,
  )
}

/** What a project's hooks heard, or one of them. */
export function useGitPushes(project: () => string, hook: () => string) {
  return useList<GitPush>(
    () => ['projects', 'pushes', project(), hook()],
    (cursor, signal) => body(server.GET('/api/v1/schema/projects/{id}/pushes', { params: { path: { id: project() }, query: some({ hook: hook(), cursor }) }, signal })),
    { refreshMs: 10_000 },
  )
}

export function createGitHook(id: string, input: GitHookInput): Promise<Schemas['NewGitHook']> {
  return body(server.POST('/api/v1/schema/projects/{id}/hooks', { params: { path: { id } }, body: input }))
}

export function replaceGitHook(id: string, hookId: string, input: GitHookInput): Promise<GitHook> {
  return body(server.PUT('/api/v1/schema/projects/{id}/hooks/{hookId}', { params: { path: { id, hookId } }, body: input }))
}

export async function rotateGitHookSecret(id: string, hookId: string): Promise<string> {
  return (await body(server.POST('/api/v1/schema/projects/{id}/hooks/{hookId}/secret', { params: { path: { id, hookId } } }))).secret
}

export async function deleteGitHook(id: string, hookId: string): Promise<void> {
  await server.DELETE('/api/v1/schema/projects/{id}/hooks/{hookId}', { params: { path: { id, hookId } } })
}
