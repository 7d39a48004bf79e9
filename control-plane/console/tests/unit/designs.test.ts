import { describe, expect, it } from 'vitest'
import { docJson, docYaml, NotADocument, readDoc, sameDoc, type Doc } from '@/designs/doc'
import { mergeDocs } from '@/designs/merge'
import { indexColumns, indexColumnsText, keyColumns, referenceOf } from '@/designs/partText'
import { beside, inserted, moved, neighbour, removed } from '@/designs/rows'
import { blankTable, docOf, draftOf, newColumn } from '@/designs/tableDraft'

const USER: Doc = readDoc(`
apiVersion: v1alpha1
kind: TableSnapshot
metadata: {name: t_user, label: Users}
spec:
  database: shop
  comment: Who buys
  columns:
    - {id: 0193-1, name: id, dataType: bigint, primaryKey: true, autoInc: true}
    - {id: 0193-2, name: mail, dataType: varchar(64), notNull: true, defaultValue: "''", tone: loud}
    - {id: 0193-3, name: org_id, dataType: bigint, reference: {table: t.org, column: id, enforced: true, onDelete: cascade}}
    - {id: 0193-4, name: up, dataType: text, generated: {expression: upper(mail), stored: true}}
  keys:
    - {name: uk_mail, columns: [mail]}
  index:
    - {name: ix_org, columns: [{name: org_id, sorting: DESC}, {name: mail, prefix: 20}], unique: true, method: btree, where: mail <> ''}
  checks:
    - {name: ck_mail, expression: length(mail) > 3}
  document: {content: Read me, owner: ann}
  sqlScript: select 1;
  legal: {basis: contract}
`)

describe('a table’s document', () => {
  it('is the same after it was taken into rows and back, with what only its own form knows', () => {
    expect(docOf(draftOf(USER))).toEqual(USER)
    expect(sameDoc(readDoc(docYaml(USER)), USER)).toBe(true)
    expect(sameDoc(readDoc(docJson(USER)), USER)).toBe(true)
  })

  it('leaves out what is empty', () => {
    const draft = blankTable('shop')
    draft.name = ' t_new '
    draft.columns.push(newColumn())
    draft.index.push({ key: 'x', name: '', columns: '', unique: false, method: '', where: '' })
    expect(docOf(draft)).toEqual({
      kind: 'TableSnapshot',
      name: 't_new',
      label: '',
      spec: { database: 'shop', columns: [{ name: 'id', dataType: 'bigint', autoInc: true, primaryKey: true }] },
    })
  })

  it('keeps the forms of a draft', () => {
    const draft = readDoc('kind: TableSnapshot\nmetadata: {name: a}\nspec: {forms: [{group: basic}]}')
    expect(docOf(draftOf(draft)).spec).toEqual({ forms: [{ group: 'basic' }], columns: [] })
  })

  it('that is none is not read', () => {
    for (const text of ['a: [', '- 1', 'kind: TableSnapshot', '']) expect(() => readDoc(text), text).toThrow(NotADocument)
  })
})

describe('columns as text', () => {
  it('say name, length and order', () => {
    const parsed = indexColumns('org_id desc, mail(20),  at ASC,')
    expect(parsed).toEqual([{ name: 'org_id', sorting: 'DESC' }, { name: 'mail', prefix: 20 }, { name: 'at', sorting: 'ASC' }])
    expect(indexColumnsText(parsed)).toBe('org_id desc, mail(20), at asc')
    expect(indexColumnsText(['a', 'b'])).toBe('a, b')
    expect(keyColumns(' a,b ,, c')).toEqual(['a', 'b', 'c'])
    expect(indexColumns('desc')).toEqual([{ name: 'desc' }])
  })

  it('of other tables are told from the table by the last dot', () => {
    expect(referenceOf('a.b.id')).toEqual({ table: 'a.b', column: 'id' })
    expect(referenceOf('org')).toEqual({ table: 'org', column: '' })
  })
})

describe('rows', () => {
  const rows = ['a', 'b', 'c'].map((key) => ({ key }))
  const keys = (of: { key: string }[]) => of.map((one) => one.key).join('')

  it('are inserted, removed and moved', () => {
    expect(keys(inserted(rows, 'a', { key: 'x' }))).toBe('axbc')
    expect(keys(inserted(rows, undefined, { key: 'x' }))).toBe('abcx')
    expect(keys(removed(rows, 'b'))).toBe('ac')
    expect(keys(moved(rows, 'a', 1))).toBe('bac')
    expect(keys(moved(rows, 'a', -1))).toBe('abc')
    expect(keys(moved(rows, 'c', 1))).toBe('abc')
    expect(keys(rows)).toBe('abc')
  })

  it('know who is beside them', () => {
    expect(beside(rows, 'b', -1)).toBe('a')
    expect(beside(rows, 'c', 1)).toBeUndefined()
    expect(neighbour(rows, 'c')).toBe('b')
    expect(neighbour(rows, 'a')).toBe('b')
    expect(neighbour([{ key: 'a' }], 'a')).toBeUndefined()
  })
})

describe('mine on top of theirs', () => {
  const change = (edit: (draft: ReturnType<typeof draftOf>) => void): Doc => {
    const draft = draftOf(USER)
    edit(draft)
    return docOf(draft)
  }
  const column = (draft: ReturnType<typeof draftOf>, name: string) => draft.columns.find((row) => row.name === name) ?? newColumn()
  const names = (doc: Doc) => draftOf(doc).columns.map((row) => row.name)

  it('takes from each what only they changed', () => {
    const mine = change((draft) => {
      column(draft, 'mail').dataType = 'varchar(200)'
      draft.columns.splice(2, 0, { ...newColumn(), name: 'phone', dataType: 'text' })
    })
    const theirs = change((draft) => {
      column(draft, 'mail').name = 'address'
      draft.comment = 'Customers'
      draft.columns = draft.columns.filter((row) => row.name !== 'up')
      draft.columns.push({ ...newColumn(), id: '0193-9', name: 'city', dataType: 'text' })
    })
    const { doc, clashes } = mergeDocs(USER, mine, theirs)
    expect(clashes).toEqual([])
    expect(names(doc)).toEqual(['id', 'address', 'phone', 'org_id', 'city'])
    expect(doc.spec.comment).toBe('Customers')
    expect(draftOf(doc).columns[1]?.dataType).toBe('varchar(200)')
  })

  it('says where both changed the same, and keeps mine', () => {
    const mine = change((draft) => (column(draft, 'mail').dataType = 'text'))
    const theirs = change((draft) => (column(draft, 'mail').dataType = 'varchar(80)'))
    const { doc, clashes } = mergeDocs(USER, mine, theirs)
    expect(clashes).toEqual([{ path: 'columns[mail].dataType', before: 'varchar(64)', mine: 'text', theirs: 'varchar(80)' }])
    expect(draftOf(doc).columns[1]?.dataType).toBe('text')
  })

  it('does not lose a column that one took away and the other changed', () => {
    const mine = change((draft) => (column(draft, 'up').comment = 'needed'))
    const theirs = change((draft) => (draft.columns = draft.columns.filter((row) => row.name !== 'up')))
    const { doc, clashes } = mergeDocs(USER, mine, theirs)
    expect(clashes.map((one) => one.path)).toEqual(['columns[up]'])
    expect(names(doc)).toContain('up')
  })

  it('keeps my order unless they changed theirs', () => {
    const mine = change((draft) => draft.columns.reverse())
    const theirs = change((draft) => draft.columns.push({ ...newColumn(), id: '0193-8', name: 'last', dataType: 'int' }))
    expect(names(mergeDocs(USER, mine, theirs).doc)).toEqual(['up', 'last', 'org_id', 'mail', 'id'])
    expect(names(mergeDocs(USER, theirs, mine).doc)).toEqual(['up', 'last', 'org_id', 'mail', 'id'])
  })
})
