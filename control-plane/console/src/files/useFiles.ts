import { withOrg } from '@/api/http'
import { body, server, some, type Schemas } from '@/api/server'
import { useList } from '@/api/useList'
import { useThing } from '@/api/useThing'

export type FileItem = Schemas['FileItem']
export type FileDetail = Schemas['FileDetail']
export type Usage = Schemas['FilesUsage']

/** Whose top is looked at: person 1, org 2. */
export const PERSON = 1
export const ORG = 2
export const FOLDER = 1

export interface Where {
  /** A folder; empty at the top. */
  folder: string
  owner: number
  search: string
}

export function useFiles(where: () => Where) {
  return useList<FileItem>(
    () => ['files', 'in', where()],
    (cursor, signal, key) => {
      // The page and its dialog of folders may look at the same one.
      const { folder, owner, search } = key[2] as Where
      const query = some({ parentId: folder, search, ...(folder ? {} : { ownerType: owner }) })
      return body(server.GET('/api/v1/files', { params: { query: { ...query, cursor, limit: 200 } }, signal }))
    },
    { refreshMs: 30_000 },
  )
}

/** A folder, with those above it. */
export function useFolder(id: () => string) {
  return useThing<FileDetail>(
    () => ['files', 'one', id()],
    (signal, key) => body(server.GET('/api/v1/files/{id}', { params: { path: { id: String(key[2]) } }, signal })),
    { enabled: () => id() !== '' },
  )
}

export function useUsage() {
  return useThing<Usage>(
    () => ['files', 'usage'],
    (signal) => body(server.GET('/api/v1/files/usage', { signal })),
    { refreshMs: () => 60_000 },
  )
}

export function createFolder(input: Schemas['FolderBody']): Promise<FileItem> {
  return body(server.POST('/api/v1/files', { body: input }))
}

export function updateFile(id: string, patch: Schemas['FilePatch']): Promise<FileItem> {
  return body(server.PATCH('/api/v1/files/{id}', { params: { path: { id } }, body: patch }))
}

export async function deleteFile(item: FileItem): Promise<void> {
  await server.DELETE('/api/v1/files/{id}', { params: { path: { id: item.id }, query: item.type === FOLDER ? { recursive: true } : {} } })
}

/** Where a browser finds a file's bytes; they are never shown, only saved. */
export function downloadUrl(id: string): string {
  return withOrg(`/api/v1/files/${id}/content`)
}
