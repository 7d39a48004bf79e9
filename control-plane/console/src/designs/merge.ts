/**
 * Two people changed the same document. Mine is put on top of theirs: what only one of them changed is taken from that
 * one, and where both changed the same, mine is kept and said to be a clash. Entries of lists are told apart by their
 * id, else by their name, so that a renamed column is still the same one.
 */
import { isMap, same, type Doc, type Json, type JsonMap } from './doc'

/** Both changed this, each to something else. */
export interface Clash {
  /** For instance `columns[mail].dataType`. */
  path: string
  before: Json | undefined
  mine: Json | undefined
  theirs: Json | undefined
}

export interface Merged {
  doc: Doc
  clashes: Clash[]
}

export function mergeDocs(base: Doc, mine: Doc, theirs: Doc): Merged {
  const clashes: Clash[] = []
  const whole = (doc: Doc): JsonMap => ({ name: doc.name, label: doc.label, ...doc.spec })
  const merged = mergeMaps('', whole(base), whole(mine), whole(theirs), clashes)
  const { name, label, ...spec } = merged
  return { doc: { kind: mine.kind, name: String(name ?? ''), label: String(label ?? ''), spec }, clashes }
}

function mergeValues(path: string, base: Json | undefined, mine: Json | undefined, theirs: Json | undefined, clashes: Clash[]): Json | undefined {
  if (same(mine, theirs) || same(theirs, base)) return mine
  if (same(mine, base)) return theirs
  if (isMap(mine) && isMap(theirs)) return mergeMaps(path, isMap(base) ? base : {}, mine, theirs, clashes)
  if (isKeyed(mine) && isKeyed(theirs)) return mergeLists(path, isKeyed(base) ? base : [], mine, theirs, clashes)
  clashes.push({ path, before: base, mine, theirs })
  return mine
}

function mergeMaps(path: string, base: JsonMap, mine: JsonMap, theirs: JsonMap, clashes: Clash[]): JsonMap {
  const result: JsonMap = {}
  for (const key of new Set([...Object.keys(theirs), ...Object.keys(mine)])) {
    const value = mergeValues(path ? `${path}.${key}` : key, base[key], mine[key], theirs[key], clashes)
    if (value !== undefined) result[key] = value
  }
  return result
}

/** Their order, with my new entries after the ones that they follow; my order if only I changed it. */
function mergeLists(path: string, base: JsonMap[], mine: JsonMap[], theirs: JsonMap[], clashes: Clash[]): JsonMap[] {
  const result: JsonMap[] = []
  const lead = sameOrder(base, theirs) ? mine : theirs
  const follow = lead === mine ? theirs : mine
  for (const entry of lead) take(entry)
  for (const [i, entry] of follow.entries()) {
    if (twin(lead, entry)) continue
    const merged = mergedEntry(entry)
    if (!merged) continue
    const before = follow.slice(0, i).reverse().map((one) => result.findIndex((other) => isTwin(other, one))).find((at) => at >= 0)
    result.splice(before === undefined ? 0 : before + 1, 0, merged)
  }
  return result

  function take(entry: JsonMap): void {
    const merged = mergedEntry(entry)
    if (merged) result.push(merged)
  }

  function mergedEntry(entry: JsonMap): JsonMap | undefined {
    const [old, my, their] = [twin(base, entry), twin(mine, entry), twin(theirs, entry)]
    const place = `${path}[${String((old ?? entry).name ?? '')}]`
    const merged = mergeValues(place, old, my, their, clashes)
    return isMap(merged) ? merged : undefined
  }
}

function isKeyed(value: Json | undefined): value is JsonMap[] {
  return Array.isArray(value) && value.every((one) => isMap(one) && typeof one.name === 'string')
}

function isTwin(a: JsonMap, b: JsonMap): boolean {
  return a.id && b.id ? a.id === b.id : a.name === b.name
}

function twin(entries: JsonMap[], of: JsonMap): JsonMap | undefined {
  return entries.find((one) => isTwin(one, of))
}

function sameOrder(a: JsonMap[], b: JsonMap[]): boolean {
  const common = (from: JsonMap[], other: JsonMap[]) => from.filter((one) => twin(other, one))
  const [left, right] = [common(a, b), common(b, a)]
  return left.every((one, i) => isTwin(one, right[i] ?? {}))
}
