import { body, server, some, type Schemas } from '@/api/server'
import { useList } from '@/api/useList'
import { useThing } from '@/api/useThing'

export type HubImage = Schemas['HubImage']
export type ImageWord = Schemas['ImageWord']
export type WordKind = Schemas['WordKind']

export interface ImageFilter {
  search: string
  type: string
  source: string
}

export function useImages(filter: () => ImageFilter) {
  return useList<HubImage>(
    () => ['images', filter()],
    (cursor, signal) => body(server.GET('/api/v1/images', { params: { query: some({ ...filter(), cursor, limit: 100 }) }, signal })),
  )
}

export function useImage(id: () => string) {
  return useThing<HubImage>(
    () => ['images', 'one', id()],
    (signal) => body(server.GET('/api/v1/images/{id}', { params: { path: { id: id() } }, signal })),
  )
}

/** The first versions, from the registry if it can be asked; where they are from is said beside them. */
export function useImageVersions(id: () => string) {
  return useThing<Schemas['HubVersions']>(
    () => ['images', 'versions', id()],
    (signal) => body(server.GET('/api/v1/images/{id}/versions', { params: { path: { id: id() }, query: { limit: 500 } }, signal })),
  )
}

export function useImageWords() {
  return useThing<ImageWord[]>(
    () => ['image-words'],
    async (signal) => (await body(server.GET('/api/v1/image-words', { signal }))).items,
  )
}

export function createImage(input: Schemas['NewHubImage']): Promise<HubImage> {
  return body(server.POST('/api/v1/images', { body: input }))
}

export function updateImage(id: string, patch: Schemas['HubImagePatch']): Promise<HubImage> {
  return body(server.PATCH('/api/v1/images/{id}', { params: { path: { id } }, body: patch }))
}

export async function deleteImage(id: string): Promise<void> {
  await server.DELETE('/api/v1/images/{id}', { params: { path: { id } } })
}

export function createWord(input: Schemas['NewImageWord']): Promise<ImageWord> {
  return body(server.POST('/api/v1/image-words', { body: input }))
}

export async function deleteWord({ kind, code }: ImageWord): Promise<void> {
  await server.DELETE('/api/v1/image-words/{kind}/{code}', { params: { path: { kind, code } } })
}
