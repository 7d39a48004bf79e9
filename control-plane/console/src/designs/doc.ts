/** Documents as plain values: what is sent to the server, compared and merged. */
import { parse, stringify } from 'yaml'

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json }
export type JsonMap = { [key: string]: Json }

/** A document of any kind, as a person writes it. */
export interface Doc {
  kind: string
  name: string
  /** Empty if it has none. */
  label: string
  spec: JsonMap
}

export const API_VERSION = 'v1alpha1'

export function isMap(value: unknown): value is JsonMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : typeof value === 'number' || typeof value === 'boolean' ? String(value) : ''
}

/** Why a text is no document; the server says the rest when it is applied. */
export class NotADocument extends Error {}

/** Reads one document; what is in it is for the server to judge. */
export function readDoc(text: string): Doc {
  let raw: unknown
  try {
    raw = parse(text)
  } catch (error) {
    throw new NotADocument(error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error))
  }
  if (!isMap(raw) || !isMap(raw.metadata) || !isMap(raw.spec) || typeof raw.kind !== 'string') {
    throw new NotADocument('kind, metadata, spec')
  }
  return { kind: raw.kind, name: textOf(raw.metadata.name), label: textOf(raw.metadata.label), spec: raw.spec }
}

interface Head {
  /** Applied only if this is the latest revision; 0 for what must be new. */
  revision?: number
  renamedFrom?: string
}

/** The whole document, its fields in the order in which people write them. */
export function wholeDoc(doc: Doc, head: Head = {}): JsonMap {
  return {
    apiVersion: API_VERSION,
    kind: doc.kind,
    metadata: {
      name: doc.name,
      ...(doc.label ? { label: doc.label } : {}),
      ...(head.renamedFrom && head.renamedFrom !== doc.name ? { renamedFrom: head.renamedFrom } : {}),
      ...(head.revision === undefined ? {} : { revision: head.revision }),
    },
    spec: doc.spec,
  }
}

export function docYaml(doc: Doc): string {
  return stringify(wholeDoc(doc), { lineWidth: 110 })
}

export function docJson(doc: Doc): string {
  return JSON.stringify(wholeDoc(doc), null, 2)
}

/** Whether two values say the same, whatever the order of their fields. */
export function same(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((one, i) => same(one, b[i]))
  if (isMap(a) && isMap(b)) {
    const keys = new Set([...Object.keys(a), ...Object.keys(b)])
    return [...keys].every((key) => same(a[key], b[key]))
  }
  return false
}

export function sameDoc(a: Doc, b: Doc): boolean {
  return a.kind === b.kind && a.name === b.name && a.label === b.label && same(a.spec, b.spec)
}
