/** What the server found in the way of an installation, by table. */
import type { FieldError } from '@/api/problem'

export interface TableFinding {
  table: string
  /** It has data and is not Muster's. */
  foreign: boolean
  /** Columns that Muster needs, doesn't know, or has with another type. */
  missing: string[]
  unknown: string[]
  otherType: string[]
}

export interface Findings {
  tables: TableFinding[]
  /** What is about no table: each is a sentence of its own. */
  others: FieldError[]
}

/** A wrong shape is many findings of one table; read together they say more. */
export function findingsOf(errors: readonly FieldError[]): Findings {
  const tables = new Map<string, TableFinding>()
  const others: FieldError[] = []
  for (const error of errors) {
    const { table = '', column = '' } = error.params ?? {}
    const found = tables.get(table) ?? { table, foreign: false, missing: [], unknown: [], otherType: [] }
    switch (error.code) {
      case 'table-foreign':
        found.foreign = true
        break
      case 'column-missing':
        found.missing.push(column)
        break
      case 'column-unknown':
        found.unknown.push(column)
        break
      case 'column-type':
        found.otherType.push(column)
        break
      default:
        others.push(error)
        continue
    }
    tables.set(table, found)
  }
  return { tables: [...tables.values()].sort((a, b) => a.table.localeCompare(b.table)), others }
}
