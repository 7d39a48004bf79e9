import { describe, expect, it } from 'vitest'
import { isExpired, nameOf, setAsideTone, underWay, type SetAside } from '@/databases/useSetAsides'
import { DAYS, daysOf } from '@/schema/setAsideDays'

const one = (state: SetAside['state'], status?: 'pending' | 'approved' | 'rejected') => ({
  state,
  expiresAt: '2026-12-01T00:00:00Z',
  proposal: status ? { ticketId: 'x', wish: 'drop' as const, status } : null,
})
const before = Date.parse('2026-11-30T00:00:00Z')
const after = Date.parse('2026-12-02T00:00:00Z')

describe('what is set aside', () => {
  it('says when its time is over, while it is kept', () => {
    expect([isExpired(one('kept'), before), isExpired(one('kept'), after), isExpired(one('dropped'), after)]).toEqual([false, true, false])
    expect([setAsideTone(one('kept'), before), setAsideTone(one('kept'), after), setAsideTone(one('restored'), after), setAsideTone(one('gone'), after)]).toEqual(['ok', 'warn', 'idle', 'idle'])
  })

  it('has one proposal at a time', () => {
    expect(underWay(one('kept', 'pending'))?.ticketId).toBe('x')
    expect(underWay(one('kept', 'approved'))?.ticketId).toBe('x')
    expect([underWay(one('kept', 'rejected')), underWay(one('kept')), underWay(one('dropped', 'approved'))]).toEqual([null, null, null])
  })

  it('is called by its whole name', () => {
    expect(nameOf({ kind: 'column', table: 't', name: 'c' })).toBe('t.c')
    expect(nameOf({ kind: 'table', table: 't', name: 't' })).toBe('t')
  })

  it('is kept for 1 to 365 days, or not at all', () => {
    for (const good of ['', ' ', '1', '99', '365', ' 30 ']) expect(DAYS.test(good), good).toBe(true)
    for (const wrong of ['0', '366', '1000', '-1', '1.5', 'x']) expect(DAYS.test(wrong), wrong).toBe(false)
    expect([daysOf(' '), daysOf(' 30 ')]).toEqual([null, 30])
  })
})
