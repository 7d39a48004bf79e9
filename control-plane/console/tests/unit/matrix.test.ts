import { describe, expect, it } from 'vitest'
import { changes, has, toggled, type MatrixColumn } from '@/people/matrix'
import { below, flat, treeOf, type Department } from '@/people/useDepartments'

const role: MatrixColumn = { id: 'a', name: 'A', operations: ['host:read', 'host:write'], locked: '' }

describe('the matrix', () => {
  it('keeps what was marked and forgets what was marked back', () => {
    const more = toggled(role, {}, ['audit:read'], true)
    expect(has(role, more, 'audit:read')).toBe(true)
    expect(changes([role], more)).toBe(1)
    expect(toggled(role, more, ['audit:read'], false)).toEqual({})
    const less = toggled(role, more, ['host:write'], false)
    expect(changes([role], less)).toBe(2)
    expect(role.operations).toEqual(['host:read', 'host:write'])
  })
})

function department(id: string, parentId: string | null): Department {
  return { id, parentId, name: id, headId: null, order: 0, memberIds: [], createdAt: '', updatedAt: '' }
}

describe('departments', () => {
  const all = [department('c', 'b'), department('a', null), department('b', 'a'), department('lost', 'gone')]

  it('are a tree in which nothing gets lost', () => {
    expect(flat(treeOf(all)).map(({ node, depth }) => `${depth}${node.id}`)).toEqual(['0a', '1b', '2c', '0lost'])
  })

  it('can not be put below themselves', () => {
    expect([...below(all, 'b')].sort()).toEqual(['b', 'c'])
  })
})
