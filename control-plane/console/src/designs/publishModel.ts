/** Where a design can be published to. */
import type { FieldError } from '@/api/problem'
import { isMap, textOf, type JsonMap } from './doc'
import type { DatabaseServer } from '@/schema/useReleases'

export interface DesignedDatabase {
  /** `Postgres` or `MySQL`; empty while it is a draft. */
  type: string
  /** What servers call it, unless `names` says otherwise. */
  name: string
  /** By the server's label. */
  names: Record<string, string>
}

export function designedDatabase(spec: JsonMap): DesignedDatabase {
  const basic = isMap(spec.basic) ? spec.basic : {}
  const names = isMap(spec.names) ? spec.names : {}
  return { type: textOf(basic.type), name: textOf(basic.name), names: Object.fromEntries(Object.entries(names).map(([label, name]) => [label, textOf(name)])) }
}

/** Servers of its kind that have a database of the name that it has there. */
export function fittingServers(database: DesignedDatabase, servers: readonly DatabaseServer[]): DatabaseServer[] {
  const type = database.type.toLowerCase()
  return servers.filter((server) => server.type.toLowerCase() === type && server.databases.includes(database.names[server.label] ?? database.name))
}

/** `servers[1]` is the second of the chosen ones: said by its label. */
export function namedServers(errors: readonly FieldError[], labels: readonly string[]): FieldError[] {
  return errors.map((error) => ({ ...error, field: error.field.replace(/^servers\[(\d+)\]/, (whole, nth: string) => labels[Number(nth)] ?? whole) }))
}
