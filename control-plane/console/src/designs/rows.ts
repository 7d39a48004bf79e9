/** Rows that are edited like lines of a text: inserted after another, taken out, moved up and down. */
export interface Row {
  /** Stays with the row while the page lives. */
  key: string
}

let made = 0
export function newKey(): string {
  made += 1
  return `row-${made}`
}

function at(rows: readonly Row[], key: string): number {
  return rows.findIndex((row) => row.key === key)
}

/** After the row with this key; at the end if there is none. */
export function inserted<R extends Row>(rows: readonly R[], after: string | undefined, row: R): R[] {
  const place = after === undefined ? -1 : at(rows, after)
  return place < 0 ? [...rows, row] : [...rows.slice(0, place + 1), row, ...rows.slice(place + 1)]
}

export function removed<R extends Row>(rows: readonly R[], key: string): R[] {
  return rows.filter((row) => row.key !== key)
}

/** One place up (-1) or down (1); the first stays the first. */
export function moved<R extends Row>(rows: readonly R[], key: string, by: -1 | 1): R[] {
  const from = at(rows, key)
  const to = from + by
  const result = [...rows]
  const row = result[from]
  if (row === undefined || to < 0 || to >= rows.length) return result
  result.splice(from, 1)
  result.splice(to, 0, row)
  return result
}

/** Whose turn it is when this one is gone: the next one, else the one before. */
export function neighbour(rows: readonly Row[], key: string): string | undefined {
  const place = at(rows, key)
  return (rows[place + 1] ?? rows[place - 1])?.key
}

/** The row above (-1) or below (1). */
export function beside(rows: readonly Row[], key: string, by: -1 | 1): string | undefined {
  return rows[at(rows, key) + by]?.key
}
