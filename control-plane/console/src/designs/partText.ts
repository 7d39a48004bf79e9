/** Columns of keys and indexes as a person types them: `org_id, mail(20) desc`. */
import { isMap, textOf, type Json, type JsonMap } from './doc'

function split(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean)
}

export function keyColumns(text: string): string[] {
  return split(text)
}

export function keyColumnsText(value: Json | undefined): string {
  return Array.isArray(value) ? value.map(textOf).join(', ') : textOf(value)
}

/** `mail(20) desc`: a name, so many characters of it, an order. */
export function indexColumns(text: string): Json[] {
  return split(text).map((part) => {
    const found = /^(.+?)(?:\s*\((\d+)\))?(?:\s+(asc|desc))?$/i.exec(part)
    const [, name = part, prefix, sorting] = found ?? []
    if (!prefix && !sorting) return { name }
    return { name, ...(sorting ? { sorting: sorting.toUpperCase() } : {}), ...(prefix ? { prefix: Number(prefix) } : {}) }
  })
}

export function indexColumnsText(value: Json | undefined): string {
  const parts = Array.isArray(value) ? value : value === undefined ? [] : [value]
  return parts.map((part) => (isMap(part) ? indexColumnText(part) : textOf(part))).join(', ')
}

function indexColumnText(part: JsonMap): string {
  const prefix = part.prefix ? `(${textOf(part.prefix)})` : ''
  const sorting = textOf(part.sorting).toLowerCase()
  return `${textOf(part.name)}${prefix}${sorting ? ` ${sorting}` : ''}`
}

/** `org.id`, the column of a table; a table's name may hold dots, a column's hardly ever does. */
export function referenceOf(text: string): { table: string; column: string } {
  const at = text.lastIndexOf('.')
  return at < 0 ? { table: text.trim(), column: '' } : { table: text.slice(0, at).trim(), column: text.slice(at + 1).trim() }
}
