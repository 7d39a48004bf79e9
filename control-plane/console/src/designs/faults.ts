/** What the server says is wrong with documents, and where that is. */
import type { FieldError, Problem } from '@/api/problem'
import type { TableDraft } from './tableDraft'

export interface Fault {
  /** `line 3: TableSnapshot t_user` or what the field is called. */
  place: string
  message: string
  /** Where in the text, from 1; 0 if it is not said. */
  line: number
}

/** `line 3: TableSnapshot t_user: must …` is a place and a sentence; else the field is the place. */
export function faultsOf(problem: Problem): Fault[] {
  return problem.fields.map(({ field, message }) => {
    const [, line, document, rest] = /^(line \d+): (?:([A-Z][A-Za-z]+ [^:]+): )?(.*)$/s.exec(message) ?? []
    const place = [line, document, field].filter(Boolean).join(' · ')
    return { place, message: rest ?? message, line: Number(line?.slice(5) ?? 0) }
  })
}

/** The row and field of the designer that a fault is about: by list, key of the row, and field. */
export interface CellFault {
  list: 'columns' | 'keys' | 'index' | 'checks'
  key: string
  field: string
  message: string
}

const LISTS = ['columns', 'keys', 'index', 'checks'] as const

/**
 * `spec.columns[1].dataType`, `spec.columns.mail.reference` (as documents are read), `t_user.columns.mail.dataType` (as
 * SQL is made of them).
 */
export function cellFaults(draft: TableDraft, errors: readonly FieldError[]): CellFault[] {
  return errors.flatMap(({ field, message }) => {
    const prefix = [`${draft.name}.`, 'spec.'].find((one) => field.startsWith(one)) ?? ''
    const path = field.slice(prefix.length)
    const list = LISTS.find((one) => path.startsWith(one))
    if (!list) return []
    const rest = path.slice(list.length)
    const [, nth, tail = ''] = /^\[(\d+)\]\.?(.*)$/.exec(rest) ?? []
    const rows = draft[list].filter((row) => row.name !== '' || list !== 'columns')
    if (nth !== undefined) {
      const row = rows[Number(nth)]
      return row ? [{ list, key: row.key, field: first(tail), message }] : []
    }
    const named = rest.replace(/^\./, '')
    const row = [...rows].sort((a, b) => b.name.length - a.name.length).find((one) => one.name && (named === one.name || named.startsWith(`${one.name}.`)))
    return row ? [{ list, key: row.key, field: first(named.slice(row.name.length + 1)), message }] : []
  })
}

/** `reference.table` is the field `reference`; what names none is about the row's name. */
function first(path: string): string {
  return path.split(/[.[]/)[0] || 'name'
}
