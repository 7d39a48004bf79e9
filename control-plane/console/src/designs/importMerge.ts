/** What is taken of an import: whole documents, and of those that are there already, columns and other parts one by one. */
import { stringify } from 'yaml'
import { isMap, readDoc, same, wholeDoc, type Doc, type Json, type JsonMap } from './doc'
import type { FieldChange, Imported } from './useDesigns'

export type ImportedDocument = Imported['documents'][number]

/** What is taken or left as one: a column, a key, an index, a field of the table. `columns[mail].dataType` is in `columns[mail]`. */
export function partOf(path: string): string {
  return /^[^.[]+(?:\[[^\]]*\])?/.exec(path)?.[0] ?? path
}

/** The changes of a document by the part that they are in, in their order. */
export function partsOf(changes: readonly FieldChange[]): { part: string; changes: FieldChange[] }[] {
  const parts = new Map<string, FieldChange[]>()
  for (const change of changes) parts.set(partOf(change.path), [...(parts.get(partOf(change.path)) ?? []), change])
  return [...parts].map(([part, of]) => ({ part, changes: of }))
}

/** What is there, with these parts as the import has them. */
export function taken(there: Doc, imported: Doc, parts: ReadonlySet<string>): Doc {
  const spec: JsonMap = {}
  for (const key of new Set([...Object.keys(there.spec), ...Object.keys(imported.spec)])) {
    const [old, next] = [there.spec[key], imported.spec[key]]
    const value = isNamed(old) && isNamed(next) ? takenList(key, old, next, parts) : same(old, next) || !parts.has(key) ? old : next
    if (value !== undefined) spec[key] = value
  }
  return { ...there, spec }
}

function isNamed(value: Json | undefined): value is JsonMap[] {
  return Array.isArray(value) && value.every((one) => isMap(one) && typeof one.name === 'string')
}

function twin(entries: JsonMap[], of: JsonMap): JsonMap | undefined {
  return entries.find((one) => (one.id && of.id ? one.id === of.id : one.name === of.name))
}

function takenList(key: string, old: JsonMap[], next: JsonMap[], parts: ReadonlySet<string>): JsonMap[] {
  const isTaken = (entry: JsonMap) => parts.has(`${key}[${String(entry.name)}]`)
  const kept = old.flatMap((entry) => {
    const other = twin(next, entry)
    return isTaken(entry) ? (other ? [other] : []) : [entry]
  })
  const come = next.filter((entry) => !twin(old, entry) && isTaken(entry))
  if (!parts.has(`${key} (order)`)) return [...kept, ...come]
  const place = (entry: JsonMap) => {
    const at = next.findIndex((one) => twin([one], entry))
    return at < 0 ? next.length : at
  }
  return [...kept, ...come].sort((a, b) => place(a) - place(b))
}

/** One text of the documents, each bound to the revision that was looked at. */
export function appliedText(documents: readonly { doc: Doc; revision: number | null }[]): string {
  return documents.map(({ doc, revision }) => stringify(wholeDoc(doc, { revision: revision ?? 0 }))).join('---\n')
}

/** The document as it is to be applied. */
export function chosenDoc(imported: ImportedDocument, parts: readonly string[], there: string | undefined): Doc {
  const whole = readDoc(imported.yaml)
  return there === undefined ? whole : taken(readDoc(there), whole, new Set(parts))
}
