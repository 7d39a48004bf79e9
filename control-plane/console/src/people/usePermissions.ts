import { computed } from 'vue'
import { useI18n } from 'vue-i18n'
import { body, server, type Schemas } from '@/api/server'
import { useList } from '@/api/useList'
import { useThing } from '@/api/useThing'

export type Catalogue = Schemas['Catalogue']
export type OwnRole = Schemas['OwnRole']
export type Template = Schemas['Template']
export type Explanation = Schemas['Explanation']

export interface OperationEntry {
  code: string
  name: string
}
export interface OperationGroup {
  key: string
  title: string
  operations: OperationEntry[]
}

export function useCatalogue() {
  return useThing<Catalogue>(
    () => ['operations'],
    (signal) => body(server.GET('/api/v1/operations', { signal })),
  )
}

/** Operations in their modules, in the reader's language; the platform's own after the built-in ones. */
export function useOperationGroups(catalogue: () => Catalogue | undefined) {
  const { t, te } = useI18n()
  return computed<OperationGroup[]>(() => {
    const found = catalogue()
    if (!found) return []
    const groups = new Map<string, OperationGroup>()
    for (const one of found.builtIn) {
      const group = groups.get(one.module) ?? { key: one.module, title: t(`modules.${one.module}`), operations: [] }
      const key = `operations.${one.code.replace(':', '_')}`
      group.operations.push({ code: one.code, name: te(key) ? t(key) : one.name })
      groups.set(one.module, group)
    }
    const own = found.own.map((module) => ({ key: module.id, title: module.name, operations: module.operations.map(({ code, name }) => ({ code, name })) }))
    return [...groups.values(), ...own.filter((module) => module.operations.length)]
  })
}

export function useOwnRoles(enabled: () => boolean = () => true) {
  return useList<OwnRole>(
    () => ['roles'],
    (cursor, signal) => body(server.GET('/api/v1/roles', { params: { query: { cursor, limit: 500 } }, signal })),
    { enabled },
  )
}

export function useTemplates(enabled: () => boolean = () => true) {
  return useList<Template>(
    () => ['templates'],
    (cursor, signal) => body(server.GET('/api/v1/permission-templates', { params: { query: { cursor, limit: 500 } }, signal })),
    { enabled },
  )
}

export function createRole(input: Schemas['NewRole']): Promise<OwnRole> {
  return body(server.POST('/api/v1/roles', { body: input }))
}

export function updateRole(id: string, patch: Schemas['RolePatch']): Promise<OwnRole> {
  return body(server.PATCH('/api/v1/roles/{id}', { params: { path: { id } }, body: patch }))
}

export async function deleteRole(id: string): Promise<void> {
  await server.DELETE('/api/v1/roles/{id}', { params: { path: { id } } })
}

export function createTemplate(input: Schemas['NewTemplate']): Promise<Template> {
  return body(server.POST('/api/v1/permission-templates', { body: input }))
}

export function updateTemplate(id: string, patch: Schemas['TemplatePatch']): Promise<Template> {
  return body(server.PATCH('/api/v1/permission-templates/{id}', { params: { path: { id } }, body: patch }))
}

export async function deleteTemplate(id: string): Promise<void> {
  await server.DELETE('/api/v1/permission-templates/{id}', { params: { path: { id } } })
}

export function explain(userId: string, operation: string, objectKind?: Schemas['ObjectKind'], objectId?: string): Promise<Explanation> {
  const query = { operation, ...(objectKind && objectId ? { objectKind, objectId } : {}) }
  return body(server.GET('/api/v1/members/{userId}/permissions/explain', { params: { path: { userId }, query } }))
}
