/** A table's document as the designer edits it: rows of flat fields, and back. */
import { isMap, textOf, type Doc, type Json, type JsonMap } from './doc'
import { indexColumns, indexColumnsText, keyColumns, keyColumnsText, referenceOf } from './partText'
import { newKey, type Row } from './rows'

export interface ColumnRow extends Row {
  /** The id by which it stays the same column under another name; empty while it is new. */
  id: string
  name: string
  dataType: string
  notNull: boolean
  primaryKey: boolean
  autoInc: boolean
  unique: boolean
  defaultValue: string
  comment: string
  /** `table.column` */
  reference: string
  enforced: boolean
  onDelete: string
  onRefUpdate: string
  /** What the database calls the foreign key, if somebody said. */
  refName: string
  generated: string
  stored: boolean
  onUpdate: string
  charset: string
  collation: string
  /** What only the document's own form knows. */
  own: JsonMap
}

export interface KeyRow extends Row {
  name: string
  primaryKey: boolean
  columns: string
}

export interface IndexRow extends Row {
  name: string
  columns: string
  unique: boolean
  method: string
  where: string
}

export interface CheckRow extends Row {
  name: string
  expression: string
}

export interface TableDraft {
  name: string
  label: string
  database: string
  namespace: string
  comment: string
  engine: string
  charset: string
  collation: string
  document: string
  sqlScript: string
  columns: ColumnRow[]
  keys: KeyRow[]
  index: IndexRow[]
  checks: CheckRow[]
  /** Its own form and what only that knows. */
  own: JsonMap
}

/** Texts of the table as they stand in its document. */
const TEXTS = ['database', 'namespace', 'comment', 'engine', 'charset', 'collation'] as const
const LONG = [
  ['document', 'content'],
  ['sqlScript', 'sql'],
] as const
const COLUMN = ['id', 'name', 'dataType', 'notNull', 'primaryKey', 'autoInc', 'unique', 'defaultValue', 'comment', 'reference', 'generated', 'onUpdate', 'charset', 'collation']

export function newColumn(): ColumnRow {
  return {
    key: newKey(),
    id: '',
    name: '',
    dataType: '',
    notNull: false,
    primaryKey: false,
    autoInc: false,
    unique: false,
    defaultValue: '',
    comment: '',
    reference: '',
    enforced: false,
    onDelete: '',
    onRefUpdate: '',
    refName: '',
    generated: '',
    stored: false,
    onUpdate: '',
    charset: '',
    collation: '',
    own: {},
  }
}
export const newKeyRow = (): KeyRow => ({ key: newKey(), name: '', primaryKey: false, columns: '' })
export const newIndex = (): IndexRow => ({ key: newKey(), name: '', columns: '', unique: false, method: '', where: '' })
export const newCheck = (): CheckRow => ({ key: newKey(), name: '', expression: '' })

export function draftOf(doc: Doc): TableDraft {
  const spec = doc.spec
  const text = (key: string) => textOf(spec[key])
  const known = new Set<string>([...TEXTS, 'columns', 'keys', 'index', 'checks', ...LONG.map(([key]) => key)])
  const own: JsonMap = Object.fromEntries(Object.entries(spec).filter(([key]) => !known.has(key)))
  const long = ([key, field]: readonly [string, string]) => {
    const value = spec[key]
    if (isMap(value)) own[key] = value
    return isMap(value) ? textOf(value[field]) : textOf(value)
  }
  return {
    name: doc.name,
    label: doc.label,
    database: text('database'),
    namespace: text('namespace'),
    comment: text('comment'),
    engine: text('engine'),
    charset: text('charset'),
    collation: text('collation'),
    document: long(LONG[0]),
    sqlScript: long(LONG[1]),
    columns: maps(spec.columns).map(columnRow),
    keys: maps(spec.keys).map((one) => ({ ...newKeyRow(), name: textOf(one.name), primaryKey: one.primaryKey === true, columns: keyColumnsText(one.columns) })),
    index: maps(spec.index).map((one) => ({
      ...newIndex(),
      name: textOf(one.name),
      columns: indexColumnsText(one.columns ?? one.column),
      unique: one.unique === true,
      method: textOf(one.method),
      where: textOf(one.where),
    })),
    checks: maps(spec.checks).map((one) => ({ ...newCheck(), name: textOf(one.name), expression: textOf(one.expression) })),
    own,
  }
}

function maps(value: Json | undefined): JsonMap[] {
  return Array.isArray(value) ? value.filter(isMap) : isMap(value) ? [value] : []
}

function columnRow(of: JsonMap): ColumnRow {
  const reference = isMap(of.reference) ? of.reference : {}
  const generated = isMap(of.generated) ? of.generated : {}
  return {
    key: newKey(),
    id: textOf(of.id),
    name: textOf(of.name),
    dataType: textOf(of.dataType),
    notNull: of.notNull === true,
    primaryKey: of.primaryKey === true,
    autoInc: of.autoInc === true,
    unique: of.unique === true,
    defaultValue: textOf(of.defaultValue),
    comment: textOf(of.comment),
    reference: reference.table ? `${textOf(reference.table)}.${textOf(reference.column)}` : '',
    enforced: reference.enforced === true,
    onDelete: textOf(reference.onDelete),
    onRefUpdate: textOf(reference.onUpdate),
    refName: textOf(reference.name),
    generated: textOf(generated.expression),
    stored: generated.stored === true,
    onUpdate: textOf(of.onUpdate),
    charset: textOf(of.charset),
    collation: textOf(of.collation),
    own: Object.fromEntries(Object.entries(of).filter(([key]) => !COLUMN.includes(key))),
  }
}

/** Empty fields are left out, as the server writes documents; so is a row in which nothing stands. */
export function docOf(draft: TableDraft): Doc {
  const own = Object.fromEntries(Object.entries(draft.own).filter(([key]) => !LONG.some(([long]) => long === key)))
  const { forms, ...groups } = own
  const spec: JsonMap = forms === undefined ? {} : { forms }
  for (const key of TEXTS) if (draft[key].trim()) spec[key] = draft[key].trim()
  spec.columns = draft.columns.filter((row) => row.name || row.dataType).map(columnDoc)
  const keys = draft.keys.filter((row) => row.columns || row.name)
  if (keys.length) spec.keys = keys.map((row) => filled({ name: row.name, primaryKey: row.primaryKey, columns: keyColumns(row.columns) }))
  const index = draft.index.filter((row) => row.columns || row.name)
  if (index.length) {
    spec.index = index.map((row) => filled({ name: row.name, columns: indexColumns(row.columns), unique: row.unique, method: row.method, where: row.where }))
  }
  const checks = draft.checks.filter((row) => row.expression || row.name)
  if (checks.length) spec.checks = checks.map((row) => ({ name: row.name, expression: row.expression }))
  for (const [key, field] of LONG) {
    const group = draft.own[key]
    if (isMap(group)) spec[key] = { ...group, [field]: draft[key] }
    else if (draft[key]) spec[key] = draft[key]
  }
  return { kind: 'TableSnapshot', name: draft.name.trim(), label: draft.label.trim(), spec: { ...spec, ...groups } }
}

function columnDoc(row: ColumnRow): JsonMap {
  const reference: Json = row.reference.trim()
    ? filled({ ...referenceOf(row.reference), enforced: row.enforced, name: row.refName.trim(), onDelete: row.onDelete, onUpdate: row.onRefUpdate })
    : ''
  const generated: Json = row.generated ? { expression: row.generated, stored: row.stored } : ''
  return {
    ...filled({
      id: row.id,
      name: row.name.trim(),
      dataType: row.dataType.trim(),
      defaultValue: row.defaultValue,
      notNull: row.notNull,
      autoInc: row.autoInc,
      unique: row.unique,
      primaryKey: row.primaryKey,
      comment: row.comment,
      onUpdate: row.onUpdate,
      generated,
      charset: row.charset,
      collation: row.collation,
      reference,
    }),
    ...row.own,
  }
}

/** Without what is empty, off or not chosen. */
function filled(map: JsonMap): JsonMap {
  return Object.fromEntries(Object.entries(map).filter(([key, value]) => (value !== '' && value !== false && value !== 'noAction') || key === 'column'))
}

/** A new table, with the column that nearly every table begins with. */
export function blankTable(database: string): TableDraft {
  const draft = draftOf({ kind: 'TableSnapshot', name: '', label: '', spec: { database } })
  draft.columns = [{ ...newColumn(), name: 'id', dataType: 'bigint', primaryKey: true, autoInc: true }]
  return draft
}
