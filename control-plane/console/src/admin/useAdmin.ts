import { body, server, some, type Schemas } from '@/api/server'
import { useList } from '@/api/useList'
import { useThing } from '@/api/useThing'
import { Problem } from '@/api/problem'

export type User = Schemas['User']
export type Platform = Schemas['Platform']
export type Administrator = Schemas['Administrator']
export type Org = Schemas['Org']
export type ListedOrg = Schemas['ListedOrg']
export type OwnModule = Schemas['OwnModule']
export type OwnRole = Schemas['OwnRole']

export interface UserFilter {
  platformId?: string
  search?: string
  registeredFrom?: string
  registeredTo?: string
  lastLoginFrom?: string
  lastLoginTo?: string
  region?: string
}

export function useUsers(filter: () => UserFilter) {
  return useList<User>(
    () => ['users', filter()],
    (cursor, signal) => body(server.GET('/api/v1/users', { params: { query: some({ ...filter(), cursor }) }, signal })),
  )
}

export function createUser(input: Schemas['NewUser']): Promise<User> {
  return body(server.POST('/api/v1/users', { body: input }))
}

export function updateUser(id: string, patch: Schemas['UserPatch']): Promise<User> {
  return body(server.PATCH('/api/v1/users/{id}', { params: { path: { id } }, body: patch }))
}

/** A user with what lists leave out: the picture. */
export function fetchUser(id: string): Promise<User> {
  return body(server.GET('/api/v1/users/{id}', { params: { path: { id } } }))
}

/** The user whom somebody typed by name or account; a problem of `field` if there is none. */
export async function findUser(text: string, field: string, message: string): Promise<User> {
  const wanted = text.trim()
  const { items } = await body(server.GET('/api/v1/users', { params: { query: { search: wanted, limit: 50 } } }))
  const found = items.find((one) => one.username === wanted || one.account === wanted)
  if (!found) throw new Problem({ status: 422, fields: [{ field, message }] })
  return found
}

export function usePlatforms(enabled: () => boolean = () => true) {
  return useList<Platform>(
    () => ['platforms'],
    (cursor, signal) => body(server.GET('/api/v1/platforms', { params: { query: { cursor, limit: 500 } }, signal })),
    { enabled },
  )
}

export function createPlatform(input: Schemas['NewPlatform']): Promise<Platform> {
  return body(server.POST('/api/v1/platforms', { body: input }))
}

export function updatePlatform(id: string, patch: Schemas['PlatformPatch']): Promise<Platform> {
  return body(server.PATCH('/api/v1/platforms/{id}', { params: { path: { id } }, body: patch }))
}

/** Adds a type of bindings; one without a code uses its id. */
export async function createBindingType(input: Schemas['NewBindingType']): Promise<void> {
  await server.POST('/api/v1/binding-types', { body: input })
}

/** Changes the name and picture of a type of bindings. */
export async function putBindingType(code: string, input: Schemas['BindingTypeBody']): Promise<void> {
  await server.PUT('/api/v1/binding-types/{code}', { params: { path: { code } }, body: input })
}

export function useAdministrators() {
  return useList<Administrator>(
    () => ['administrators'],
    (cursor, signal) => body(server.GET('/api/v1/administrators', { params: { query: { cursor, limit: 200 } }, signal })),
  )
}

export function addAdministrator(input: Schemas['NewAdministrator']): Promise<Administrator> {
  return body(server.POST('/api/v1/administrators', { body: input }))
}

export async function removeAdministrator(userId: string, platformId: string): Promise<void> {
  await server.DELETE('/api/v1/administrators/{userId}/platforms/{platformId}', { params: { path: { userId, platformId } } })
}

export function useOrgs(search: () => string, platformId: () => string) {
  return useList<ListedOrg>(
    () => ['orgs', search(), platformId()],
    (cursor, signal) => body(server.GET('/api/v1/orgs', { params: { query: { cursor, search: search() || undefined, platformId: platformId() || undefined } }, signal })),
  )
}

export function createOrg(input: Schemas['NewOrg']): Promise<Org> {
  return body(server.POST('/api/v1/orgs', { body: input }))
}

/** An org with what lists leave out: its logo. */
export function fetchOrg(id: string): Promise<Org> {
  return body(server.GET('/api/v1/orgs/{id}', { params: { path: { id } } }))
}

export function updateOrg(id: string, patch: Schemas['OrgPatch']): Promise<Org> {
  return body(server.PATCH('/api/v1/orgs/{id}', { params: { path: { id } }, body: patch }))
}

export function usePlatformModules(id: () => string) {
  return useThing<OwnModule[]>(
    () => ['platform-modules', id()],
    async (signal) => (await body(server.GET('/api/v1/platforms/{id}/modules', { params: { path: { id: id() } }, signal }))).items,
  )
}

export function createModule(id: string, name: string): Promise<OwnModule> {
  return body(server.POST('/api/v1/platforms/{id}/modules', { params: { path: { id } }, body: { name } }))
}

export function createOperation(id: string, input: Schemas['NewOperation']): Promise<Schemas['OwnOperation']> {
  return body(server.POST('/api/v1/platforms/{id}/operations', { params: { path: { id } }, body: input }))
}

export function renameModule(id: string, moduleId: string, name: string): Promise<OwnModule> {
  return body(server.PATCH('/api/v1/platforms/{id}/modules/{moduleId}', { params: { path: { id, moduleId } }, body: { name } }))
}

export async function deleteModule(id: string, moduleId: string): Promise<void> {
  await server.DELETE('/api/v1/platforms/{id}/modules/{moduleId}', { params: { path: { id, moduleId } } })
}

export function changeOperation(id: string, operationId: string, input: Schemas['OperationPatch']): Promise<Schemas['OwnOperation']> {
  return body(server.PATCH('/api/v1/platforms/{id}/operations/{operationId}', { params: { path: { id, operationId } }, body: input }))
}

export async function deleteOperation(id: string, operationId: string): Promise<void> {
  await server.DELETE('/api/v1/platforms/{id}/operations/{operationId}', { params: { path: { id, operationId } } })
}

export function usePlatformRoles(id: () => string, enabled: () => boolean = () => true) {
  return useThing<OwnRole[]>(
    () => ['platform-roles', id()],
    async (signal) => (await body(server.GET('/api/v1/platforms/{id}/roles', { params: { path: { id: id() } }, signal }))).items,
    { enabled: () => id() !== '' && enabled() },
  )
}

export function createPlatformRole(id: string, input: Schemas['NewRole']): Promise<OwnRole> {
  return body(server.POST('/api/v1/platforms/{id}/roles', { params: { path: { id } }, body: input }))
}

export function changePlatformRole(id: string, roleId: string, input: Schemas['RolePatch']): Promise<OwnRole> {
  return body(server.PATCH('/api/v1/platforms/{id}/roles/{roleId}', { params: { path: { id, roleId } }, body: input }))
}

export async function deletePlatformRole(id: string, roleId: string): Promise<void> {
  await server.DELETE('/api/v1/platforms/{id}/roles/{roleId}', { params: { path: { id, roleId } } })
}
