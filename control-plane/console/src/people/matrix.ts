/** Which operations each role or template holds, and what was changed of it and not saved yet. */

export interface MatrixColumn {
  id: string
  name: string
  note?: string
  operations: readonly string[]
  /** Why it can't be changed; empty: it can. */
  locked: string
}

/** Changed columns by id, each with all of its operations. */
export type Draft = Record<string, string[]>

export function has(column: MatrixColumn, draft: Draft, code: string): boolean {
  return (draft[column.id] ?? column.operations).includes(code)
}

/** The draft with one mark more or less; a column that is as it was is no change. */
export function toggled(column: MatrixColumn, draft: Draft, codes: readonly string[], on: boolean): Draft {
  const present = draft[column.id] ?? [...column.operations]
  const next = on ? [...new Set([...present, ...codes])] : present.filter((one) => !codes.includes(one))
  const rest = Object.fromEntries(Object.entries(draft).filter(([id]) => id !== column.id))
  const same = next.length === column.operations.length && next.every((one) => column.operations.includes(one))
  return same ? rest : { ...rest, [column.id]: next }
}

/** How many marks differ from what is stored. */
export function changes(columns: readonly MatrixColumn[], draft: Draft): number {
  return columns.reduce((sum, column) => {
    const next = draft[column.id]
    if (!next) return sum
    return sum + next.filter((one) => !column.operations.includes(one)).length + column.operations.filter((one) => !next.includes(one)).length
  }, 0)
}
