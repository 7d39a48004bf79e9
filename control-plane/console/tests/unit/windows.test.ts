import { describe, expect, it } from 'vitest'
import { blankFreeze, blankWeekly, dayName, draftOf, faultsIn, localOf, weeklyText, windowsOf, zones, type Windows } from '@/schema/windowDraft'

const WINDOWS: Windows = {
  zone: 'Europe/Berlin',
  weekly: [{ days: ['tuesday', 'thursday'], from: '22:00', to: '04:00' }],
  freezes: [{ from: '2026-12-20T00:00:00.000Z', to: '2027-01-03T00:00:00.000Z', reason: 'Year end' }],
  outside: 'refuse',
  anyoneMayOverride: true,
}

describe('windows that are edited', () => {
  it('are what they were, where nothing was changed', () => {
    expect(windowsOf(draftOf(WINDOWS, 'UTC'))).toEqual(WINDOWS)
    expect(windowsOf(draftOf(null, 'UTC'))).toBeNull()
  })

  it('keep a freeze’s own instants, to the millisecond, until somebody changes them', () => {
    const fine: Windows = { ...WINDOWS, freezes: [{ from: '2026-12-20T00:00:12.345Z', to: '2026-12-20T00:00:59.000Z', reason: '' }] }
    const draft = draftOf(fine, 'UTC')
    expect(faultsIn(draft).size).toBe(0)
    expect(windowsOf(draft)).toEqual(fine)
    draft.freezes[0]!.to = localOf('2026-12-21T00:00:00.000Z')
    expect(windowsOf(draft)?.freezes).toEqual([{ from: '2026-12-20T00:00:12.345Z', to: '2026-12-21T00:00:00.000Z', reason: '' }])
  })

  it('say what is wrong, row by row', () => {
    const draft = draftOf(WINDOWS, 'UTC')
    expect(faultsIn(draft).size).toBe(0)
    const [weekly, freeze] = [blankWeekly(), blankFreeze()]
    draft.weekly.push(weekly)
    draft.freezes.push(freeze)
    expect([faultsIn(draft).get(weekly.key), faultsIn(draft).get(freeze.key)]).toEqual(['days', 'freeze'])
    weekly.days = ['monday']
    weekly.to = ''
    freeze.from = '2026-01-02T00:00'
    freeze.to = '2026-01-01T00:00'
    expect([faultsIn(draft).get(weekly.key), faultsIn(draft).get(freeze.key)]).toEqual(['times', 'freeze'])
  })

  it('are said in the reader’s language, days in their order', () => {
    expect(dayName('monday', 'en')).toBe('Mon')
    expect(dayName('sunday', 'zh-CN')).toBe('周日')
    const turned: Windows = { ...WINDOWS, weekly: [{ days: ['thursday', 'tuesday'], from: '22:00', to: '04:00' }] }
    expect(weeklyText(turned, 'en')).toEqual(['Tue Thu 22:00–04:00'])
  })

  it('may be in any zone, and in the one that was written', () => {
    expect(zones('Etc/GMT+3')[0]).toBe('UTC')
    expect(zones('Etc/GMT+3')).toContain('Etc/GMT+3')
  })
})
