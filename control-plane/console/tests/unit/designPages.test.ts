import { describe, expect, it } from 'vitest'
import { Problem } from '@/api/problem'
import { anchor, draw, type DiagramTable } from '@/designs/diagram/layout'
import { diagramSvg } from '@/designs/diagram/svg'
import type { Doc, JsonMap } from '@/designs/doc'
import { cellFaults, faultsOf } from '@/designs/faults'
import { appliedText, chosenDoc, partsOf, taken } from '@/designs/importMerge'
import { shownValue } from '@/designs/shownValue'
import { designedDatabase, fittingServers, namedServers } from '@/designs/publishModel'
import { blankTable, newColumn } from '@/designs/tableDraft'
import type { DatabaseServer } from '@/schema/useReleases'

describe('faults', () => {
  it('of a text have a line, a document and a field', () => {
    const problem = new Problem({
      status: 422,
      fields: [
        { field: 'spec.columns[1].notnull', message: 'line 22: is not a field here' },
        { field: 'spec.columns.org_id.reference', message: 'line 1: TableSnapshot t_user: there is no column number' },
        { field: 'sql', message: 'line 2 is not read' },
      ],
    })
    expect(faultsOf(problem)).toEqual([
      { place: 'line 22 · spec.columns[1].notnull', message: 'is not a field here', line: 22 },
      { place: 'line 1 · TableSnapshot t_user · spec.columns.org_id.reference', message: 'there is no column number', line: 1 },
      { place: 'sql', message: 'line 2 is not read', line: 0 },
    ])
  })

  it('are found at their cells, by number and by name', () => {
    const draft = { ...blankTable('shop'), name: 't.user' }
    draft.columns = ['id', 'mail', 'mail.old'].map((name) => ({ ...newColumn(), key: `key ${name}`, name }))
    draft.index = [{ key: 'ix', name: '', columns: 'mail', unique: false, method: '', where: '' }]
    const at = (field: string) => cellFaults(draft, [{ field, message: '' }]).map((one) => `${one.list} ${one.key} ${one.field}`)
    expect(at('spec.columns[1].dataType')).toEqual(['columns key mail dataType'])
    expect(at('t.user.columns.mail.defaultValue')).toEqual(['columns key mail defaultValue'])
    expect(at('t.user.columns.mail.old.dataType')).toEqual(['columns key mail.old dataType'])
    expect(at('spec.columns.mail.reference.table')).toEqual(['columns key mail reference'])
    expect(at('spec.index[0].name')).toEqual(['index ix name'])
    expect(at('spec.columns[9].name')).toEqual([])
    expect(at('other.columns.mail.dataType')).toEqual([])
    expect(at('spec.database')).toEqual([])
  })
})

it('values are shown in one line, without ids', () => {
  expect(shownValue('a: b')).toBe('a: b')
  expect(shownValue({ dataType: 'decimal(12,2)', id: '1', name: 'total', reference: { table: 't', enforced: true } })).toBe('name: total, dataType: "decimal(12,2)", reference: {table: t, enforced: true}')
  expect(shownValue(['a', 'b'])).toBe('[a, b]')
  expect([true, 3, null].map((one) => shownValue(one))).toEqual(['true', '3', 'null'])
})

describe('publishing', () => {
  const server = (label: string, type: 'Postgres' | 'MySQL', databases: string[]) => ({ label, type, databases }) as DatabaseServer

  it('goes to servers of its kind that have the database, under its name there', () => {
    const database = designedDatabase({ basic: { name: 'shop', comment: '', type: 'Postgres' }, names: { two: 'shop_2' } })
    const servers = [server('one', 'Postgres', ['shop']), server('two', 'Postgres', ['shop']), server('two', 'Postgres', ['shop_2']), server('three', 'MySQL', ['shop'])]
    expect(fittingServers(database, servers)).toEqual([servers[0], servers[2]])
    expect(fittingServers(designedDatabase({ forms: [] }), servers)).toEqual([])
  })

  it('says which server is meant', () => {
    const said = namedServers([{ field: 'servers[1]', message: 'a' }, { field: 'servers[7]', message: 'b' }, { field: 'version', message: 'c' }], ['one', 'two'])
    expect(said.map((one) => one.field)).toEqual(['two', 'servers[7]', 'version'])
  })
})

describe('an import', () => {
  const doc = (spec: JsonMap): Doc => ({ kind: 'TableSnapshot', name: 't', label: '', spec })
  const there = doc({ comment: 'old', columns: [{ id: '1', name: 'id' }, { id: '2', name: 'mail', dataType: 'text' }, { id: '3', name: 'gone' }] })
  const imported = doc({ comment: 'new', columns: [{ id: '4', name: 'first' }, { id: '2', name: 'mail', dataType: 'int' }, { id: '1', name: 'id' }], checks: [{ name: 'ck' }] })
  const columns = (...parts: string[]) => (taken(there, imported, new Set(parts)).spec.columns as JsonMap[]).map((one) => `${String(one.name)} ${String(one.dataType ?? '')}`.trim())

  it('is taken part by part', () => {
    expect(taken(there, imported, new Set())).toEqual(there)
    expect(columns('columns[mail]')).toEqual(['id', 'mail int', 'gone'])
    expect(columns('columns[gone]', 'columns[first]')).toEqual(['id', 'mail text', 'first'])
    expect(columns('columns (order)', 'columns[first]')).toEqual(['first', 'mail text', 'id', 'gone'])
    expect(taken(there, imported, new Set(['checks', 'comment'])).spec).toMatchObject({ comment: 'new', checks: [{ name: 'ck' }], columns: there.spec.columns })
  })

  it('of everything is the import', () => {
    const all = ['comment', 'checks', 'columns[mail]', 'columns[gone]', 'columns[first]', 'columns (order)']
    expect(taken(there, imported, new Set(all))).toEqual(imported)
  })

  it('has its changes by part', () => {
    const change = (path: string) => ({ path, before: null, after: null })
    const parts = partsOf(['columns[mail].dataType', 'comment', 'columns[mail].notNull', 'columns (order)', 'names.db-1'].map(change))
    expect(parts.map(({ part, changes }) => `${part} ${changes.length}`)).toEqual(['columns[mail] 2', 'comment 1', 'columns (order) 1', 'names 1'])
  })

  it('is bound to the revision that was looked at', () => {
    const found = (name: string, revision: number | null) => ({
      kind: 'TableSnapshot', name, change: 'created' as const, revision, changes: [],
      yaml: `apiVersion: v1alpha1\nkind: TableSnapshot\nmetadata:\n  name: ${name}\nspec:\n  database: shop\n`,
    })
    const text = appliedText([found('a', 3), found('b', null)].map((one) => ({ doc: chosenDoc(one, [], undefined), revision: one.revision })))
    expect(text.split('---\n').map((one) => /revision: (\d)/.exec(one)?.[1])).toEqual(['3', '0'])
  })
})

function table(name: string, ...references: [column: string, table: string, enforced: boolean][]): DiagramTable {
  const id = { name: 'id', dataType: 'bigint', primaryKey: true, notNull: true, reference: null }
  const columns = references.map(([column, to, enforced]) => ({ name: column, dataType: 'bigint', primaryKey: false, notNull: false, reference: { table: to, column: 'id', enforced } }))
  return { id: `doc-${name}`, name, comment: null, columns: [id, ...columns] }
}

describe('the diagram', () => {
  const tables = [
    table('org'),
    table('user', ['org_id', 'org', true], ['boss_id', 'user', false]),
    table('bill', ['user_id', 'user', true], ['org_id', 'org', false], ['gone_id', 'nowhere', true]),
    table('alone'),
    table('<b>&"'),
  ]
  const drawing = draw(tables)
  const box = (name: string) => drawing.boxes.find((one) => one.name === name)!

  it('puts what is referred to left of what refers, and nothing upon another', () => {
    expect(box('org').x).toBeLessThan(box('user').x)
    expect(box('user').x).toBeLessThan(box('bill').x)
    for (const [i, a] of drawing.boxes.entries()) {
      for (const b of drawing.boxes.slice(i + 1)) {
        const apart = a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y
        expect(apart, `${a.name} ${b.name}`).toBe(true)
      }
      expect(a.x + a.width <= drawing.width && a.y + a.height <= drawing.height).toBe(true)
    }
  })

  it('has a line for each reference to a table that is there, on the sides that face each other', () => {
    expect(drawing.lines.map((line) => `${line.id} ${line.enforced}`)).toEqual(['doc-user org_id true', 'doc-user boss_id false', 'doc-bill user_id true', 'doc-bill org_id false'])
    expect(drawing.lines[0]).toMatchObject({ fromSide: 'left', toSide: 'right', fromColumn: 'org_id', toColumn: 'id' })
    expect(drawing.lines[1]).toMatchObject({ fromSide: 'right', toSide: 'right' })
    const user = box('user')
    expect(anchor(user, 'org_id', 'left').y).toBeGreaterThan(anchor(user, 'id', 'left').y)
  })

  it('without columns draws one line between two tables', () => {
    const twice = draw([table('a'), table('b', ['x', 'a', true], ['y', 'a', true], ['z', 'a', false])], true)
    expect(twice.boxes.every((one) => one.rows.length === 0)).toBe(true)
    expect(twice.lines).toHaveLength(2)
  })

  it('of nothing is nothing', () => {
    expect(draw([])).toMatchObject({ boxes: [], lines: [] })
  })

  it('is a picture in which names are only text', () => {
    const colours = { surface: '#fff', page: '#eee', ink: '#000', quiet: '#666', line: '#ccc', accent: '#00f' }
    const svg = diagramSvg(drawing, 'Shop <x>', colours)
    const read = new DOMParser().parseFromString(svg, 'image/svg+xml')
    expect(read.querySelector('title')?.textContent).toBe('Shop <x>')
    expect([...read.querySelectorAll('text')].some((one) => one.textContent === '<b>&"')).toBe(true)
    expect(svg.match(/<path [^>]*marker-end/g)).toHaveLength(4)
    expect(svg.match(/stroke-dasharray/g)).toHaveLength(2)
  })
})
