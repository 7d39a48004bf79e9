import type { FormDescription } from '@/forms/description'
import type { HubImage, ImageWord, WordKind } from './useImages'

/** An image of the catalogue as its form holds it, and back. */
export interface ImageForm {
  name: string
  image: string
  registryId: string
  type: string
  source: string
  url: string
  status: string
  versions: string
  description: string
  usage: string
}

export const IMAGE: FormDescription = [
  { name: 'name', input: 'text', label: 'images.name', rules: [['required'], ['length', 1, 128]] },
  { name: 'image', input: 'text', label: 'deployment.image', hint: 'images.imageHint', rules: [['required']], mono: true },
  { name: 'type', input: 'select', label: 'images.type' },
  { name: 'source', input: 'select', label: 'images.source' },
  { name: 'registryId', input: 'select', label: 'application.registry' },
  { name: 'status', input: 'select', label: 'ui.status' },
  { name: 'url', input: 'text', label: 'images.url', rules: [['matches', /^(?:https?:\/\/\S+)?$/]], wrong: 'registry.urlWrong', mono: true },
  { name: 'versions', input: 'text', label: 'images.versions', hint: 'images.versionsHint', mono: true },
  { name: 'description', input: 'textarea', label: 'application.description', rules: [['length', 0, 2000]], rows: 3, wide: true },
  { name: 'usage', input: 'textarea', label: 'images.usage', hint: 'images.usageHint', rules: [['length', 0, 20000]], rows: 6, mono: true, wide: true },
]

export const WORD: FormDescription = [
  { name: 'kind', input: 'select', label: 'images.dictionary' },
  { name: 'code', input: 'text', label: 'images.code', hint: 'images.codeHint', rules: [['required'], ['matches', /^[A-Za-z0-9_-]{1,64}$/]], wrong: 'images.codeHint', mono: true },
  { name: 'name', input: 'text', label: 'images.name', rules: [['required'], ['length', 1, 128]] },
]

export function imageToForm(one: HubImage | undefined): ImageForm {
  return {
    name: one?.name ?? '',
    image: one?.image ?? '',
    registryId: one?.registryId ?? '',
    type: one?.type ?? 'server',
    source: one?.source ?? 'private',
    url: one?.url ?? '',
    status: one?.status ?? 'available',
    versions: one?.versions.join(' ') ?? '',
    description: one?.description ?? '',
    usage: one?.usage ?? '',
  }
}

export function imageFromForm(form: ImageForm) {
  return {
    name: form.name.trim(),
    image: form.image.trim(),
    registryId: form.registryId || null,
    type: form.type,
    source: form.source,
    url: form.url.trim() || null,
    status: form.status as HubImage['status'],
    versions: form.versions.split(/[\s,]+/).filter(Boolean),
    description: form.description,
    usage: form.usage,
  }
}

/** Words that everybody has are said in the reader's language, an org's own as they were typed. */
export function wordLabel(t: (key: string) => string, word: Pick<ImageWord, 'kind' | 'code' | 'name' | 'builtIn'>): string {
  return word.builtIn ? t(`images.words.${word.kind}.${word.code}`) : word.name
}

export function labelOf(t: (key: string) => string, words: readonly ImageWord[] | undefined, kind: WordKind, code: string): string {
  const word = words?.find((one) => one.kind === kind && one.code === code)
  return word ? wordLabel(t, word) : code
}
