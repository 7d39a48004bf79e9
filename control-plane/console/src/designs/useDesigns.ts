import type { Page } from '@/api/page'
import { body, server, some, type Schemas } from '@/api/server'
import { useList } from '@/api/useList'
import { useThing } from '@/api/useThing'

export type DocumentHead = Schemas['DocumentHead']
export type DocumentDetail = Schemas['DocumentDetail']
export type DocumentUser = Schemas['DocumentUser']
export type Revision = Schemas['Revision']
export type PublishedVersions = Schemas['PublishedVersions']
export type FieldChange = Schemas['DocumentFieldChange']
export type Applied = Schemas['AppliedDocument']
export type Imported = Schemas['ImportedDdl']
export type DesignSql = Schemas['DesignSql']
export type Dialect = Schemas['ServerType']

/** Kinds as they are listed; an environment's document is not kept. */
export const KINDS = ['DatabaseSnapshot', 'TableSnapshot', 'ViewSnapshot', 'Project', 'ApprovalFlow', 'Server'] as const
export type Kind = (typeof KINDS)[number]

export function isKind(text: string): text is Kind {
  return (KINDS as readonly string[]).includes(text)
}

interface Filter {
  kind?: string
  database?: string
  search?: string
  limit?: number
}

export function listDocuments(filter: Filter & { cursor?: string }, signal?: AbortSignal): Promise<Page<DocumentHead>> {
  return body(server.GET('/api/v1/schema/documents', { params: { query: some({ ...filter }) }, signal }))
}

export function useDocuments(filter: () => Filter, enabled: () => boolean = () => true) {
  return useList<DocumentHead>(
    () => ['designs', 'list', filter()],
    (cursor, signal) => listDocuments({ ...filter(), cursor }, signal),
    { enabled, refreshMs: 15_000 },
  )
}

/** All databases: few enough for one page. */
export function useDatabases(enabled: () => boolean = () => true) {
  return useDocuments(() => ({ kind: 'DatabaseSnapshot', limit: 500 }), enabled)
}

export function fetchDocument(id: string, signal?: AbortSignal): Promise<DocumentDetail> {
  return body(server.GET('/api/v1/schema/documents/{id}', { params: { path: { id } }, signal }))
}

export function useDocument(id: () => string) {
  return useThing<DocumentDetail>(
    () => ['designs', 'one', id()],
    (signal) => fetchDocument(id(), signal),
    { enabled: () => id() !== '', refreshMs: () => 15_000 },
  )
}

export function useRevisions(id: () => string) {
  return useList<Revision>(
    () => ['designs', 'revisions', id()],
    (cursor, signal) => body(server.GET('/api/v1/schema/documents/{id}/revisions', { params: { path: { id: id() }, query: some({ cursor }) }, signal })),
  )
}

export function fetchDiff(id: string, from: number, to: number, signal?: AbortSignal): Promise<Schemas['DocumentDiff']> {
  return body(server.GET('/api/v1/schema/documents/{id}/diff', { params: { path: { id }, query: { from, to } }, signal }))
}

export function useDiff(id: () => string, between: () => { from: number; to: number }) {
  return useThing<Schemas['DocumentDiff']>(
    () => ['designs', 'diff', id(), between()],
    (signal) => fetchDiff(id(), between().from, between().to, signal),
    { enabled: () => between().to > 0 },
  )
}

/** Where a table or view is live, and what its draft would change there. */
export function usePublished(id: () => string) {
  return useThing<PublishedVersions>(
    () => ['designs', 'published', id()],
    (signal) => body(server.GET('/api/v1/schema/documents/{id}/published', { params: { path: { id: id() } }, signal })),
    { enabled: () => id() !== '', refreshMs: () => 300_000 },
  )
}

export function useDiagram(database: () => string) {
  return useThing<Schemas['Diagram']>(
    () => ['designs', 'diagram', database()],
    (signal) => body(server.GET('/api/v1/schema/diagram', { params: { query: { database: database() } }, signal })),
    { enabled: () => database() !== '', refreshMs: () => 30_000 },
  )
}

/** A text is sent as it is: the server reads YAML and JSON. */
const asText = { bodySerializer: (text: unknown) => String(text), headers: { 'Content-Type': 'application/yaml' } }

export async function applyText(text: string, dryRun = false): Promise<Applied[]> {
  const answer = await body(server.POST('/api/v1/schema/apply', { params: { query: dryRun ? { dryRun } : {} }, body: text, ...asText }))
  return answer.applied
}

export function tableSql(text: string, signal?: AbortSignal): Promise<DesignSql> {
  return body(server.POST('/api/v1/schema/sql', { body: text, signal, ...asText }))
}

export function importDdl(input: Schemas['ImportRequest']): Promise<Imported> {
  return body(server.POST('/api/v1/schema/import', { body: input }))
}

/** What is really on a server, read by its agent. */
export function syncDatabase(id: string, database: string): Promise<Imported> {
  return body(server.POST('/api/v1/schema/servers/{id}/sync', { params: { path: { id } }, body: { database } }))
}

export async function exportText(filter: { kind?: string; database?: string }): Promise<string> {
  return body<string>(server.GET('/api/v1/schema/export', { params: { query: some(filter) }, parseAs: 'text' }))
}

export function restoreRevision(id: string, revision: number): Promise<DocumentDetail> {
  return body(server.POST('/api/v1/schema/documents/{id}/restore', { params: { path: { id } }, body: { revision } }))
}

export async function deleteDocument(id: string): Promise<void> {
  await server.DELETE('/api/v1/schema/documents/{id}', { params: { path: { id } } })
}

export function previewPublish(input: Schemas['PublishPreviewRequest']): Promise<Schemas['PublishPreview']> {
  return body(server.POST('/api/v1/schema/publish/preview', { body: input }))
}

export function publish(input: Schemas['PublishRequest']): Promise<Schemas['Proposed']> {
  return body(server.POST('/api/v1/schema/publish', { body: input }))
}
