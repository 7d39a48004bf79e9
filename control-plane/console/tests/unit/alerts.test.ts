import { describe, expect, it } from 'vitest'
import { NEW_RULE, receiverFields, receiverFromForm, receiverToForm, ruleFields, ruleFromForm, ruleToForm, silenceFault, silenceFields, silenceFromForm, silenceIsOver, splitSeries } from '@/alerts/alertForms'
import { standing, unitOf } from '@/alerts/alertText'
import type { Alert, AlertRule } from '@/alerts/useAlerts'

const PATTERNS = ['cpu.total', 'disk.*.used', 'disk.*.available', 'container.cpu']
const RULE = {
  id: '1',
  name: 'full',
  enabled: false,
  severity: 'critical',
  check: { kind: 'threshold', series: 'disk./var.used', comparison: 'atLeast', threshold: 1.5 },
  hosts: { ids: ['a'], labels: { tier: 'web' }, environment: 'prod', clusterId: 'c' },
  containers: [],
  forS: 90,
  resolveAfterS: 120,
  repeatS: 0,
  inbox: false,
  receivers: ['r'],
  escalateAfterS: 300,
  escalateTo: ['s'],
  note: 'look',
  createdBy: 'ann',
  createdAt: '2026-01-01T00:00:00Z',
  updatedAt: '2026-01-01T00:00:00Z',
} as AlertRule

const names = (fields: ReturnType<typeof ruleFields>) => fields.map((field) => field.name)

describe('alert forms', () => {
  it('bring a rule back as it was, what they don’t ask for included', () => {
    const form = ruleToForm(RULE, PATTERNS)
    expect(form).toMatchObject({ series: 'disk.*.used', instance: '/var', forMin: '1.5', enabled: 'no' })
    const { name, enabled, severity, check, hosts, containers, forS, resolveAfterS, repeatS, inbox, receivers, escalateAfterS, escalateTo, note } = RULE
    expect(ruleFromForm(form, RULE)).toEqual({ name, enabled, severity, check, hosts, containers, forS, resolveAfterS, repeatS, inbox, receivers, escalateAfterS, escalateTo, note })
  })

  it('ask for what belongs to a kind of rule only', () => {
    expect(names(ruleFields('hostDown', 'cpu.total'))).not.toContain('threshold')
    expect(names(ruleFields('diskFull', 'cpu.total'))).toContain('hours')
    expect(names(ruleFields('certificateExpiring', 'cpu.total'))).toContain('hours')
    expect(names(ruleFields('containerRestarting', 'cpu.total'))).toEqual(expect.arrayContaining(['times', 'minutes', 'containers']))
    expect(ruleFromForm({ ...NEW_RULE, kind: 'containerRestarting', containers: 'shop*' })).toMatchObject({ check: { kind: 'containerRestarting', times: 3, minutes: 15 }, containers: ['shop*'], escalateAfterS: 0 })
    expect(names(ruleFields('threshold', 'cpu.total'))).not.toContain('instance')
    expect(names(ruleFields('threshold', 'disk.*.used'))).toContain('instance')
    expect(names(ruleFields('threshold', 'container.cpu'))).toContain('containers')
    expect(ruleFromForm({ ...NEW_RULE, kind: 'diskFull', hours: '12' }).check).toEqual({ kind: 'diskFull', hours: 12 })
    expect(ruleFromForm({ ...NEW_RULE, kind: 'hostDown' }).check).toEqual({ kind: 'hostDown' })
    expect(ruleFromForm({ ...NEW_RULE, series: 'container.cpu', containers: 'web, shop-*' }).containers).toEqual(['web', 'shop-*'])
  })

  it('split a series into its pattern and instance', () => {
    expect(splitSeries('cpu.total', PATTERNS)).toEqual({ series: 'cpu.total', instance: '*' })
    expect(splitSeries('disk./a.b.available', PATTERNS)).toEqual({ series: 'disk.*.available', instance: '/a.b' })
  })

  it('keep an address that is not given again, and send a key only where there is one', () => {
    const kept = { ...receiverToForm(), name: ' ops ', kind: 'dingtalk' }
    expect(receiverFromForm(kept)).toEqual({ name: 'ops', kind: 'dingtalk', language: 'en', enabled: true, message: null })
    expect(receiverFromForm({ ...kept, kind: 'slack', url: 'https://a/b', key: 'k' })).not.toHaveProperty('key')
    expect(receiverFromForm({ ...kept, kind: 'mail', addresses: 'a@b, c@d\n' })).toMatchObject({ addresses: ['a@b', 'c@d'] })
    const url = (wanted: boolean) => receiverFields('slack', wanted).find((field) => field.name === 'url')?.rules ?? []
    expect([url(true).length, url(false).length]).toEqual([0, 2])
  })

  it('end a silence after its length', () => {
    const silence = silenceFromForm({ hosts: ['h'], rules: [], severities: ['info'], length: '3600', reason: ' disks ' }, Date.UTC(2026, 0, 1))
    expect(silence).toMatchObject({ endsAt: '2026-01-01T01:00:00.000Z', reason: 'disks', matchers: { hosts: { ids: ['h'] }, severities: ['info'] } })
    expect(silence).not.toHaveProperty('startsAt')
  })

  it('begin a silence when somebody says, in their own time', () => {
    const now = new Date(2026, 0, 1, 12).getTime()
    const form = { hosts: [], rules: [], severities: [], starts: '2026-01-03T22:30', length: '14400', reason: 'kernels' }
    expect(silenceFromForm(form, now)).toMatchObject({ startsAt: new Date(2026, 0, 3, 22, 30).toISOString(), endsAt: new Date(2026, 0, 4, 2, 30).toISOString() })
    expect(silenceFault(form, now)).toBeUndefined()
    expect(silenceFault({ ...form, starts: '2026-01-01T11:00' }, now)).toBeUndefined()
    expect(silenceFault({ ...form, starts: '2026-01-01T07:00' }, now)).toBe('startsPast')
    expect(silenceFault({ ...form, starts: '2027-01-01T12:00' }, now)).toBe('startsLate')
  })

  it('make a silence that comes again until a day is over', () => {
    const now = new Date(2026, 0, 1, 12).getTime()
    const form = { hosts: [], rules: [], severities: [], starts: '2026-01-03T22:30', length: '3600', reason: 'backups', repeats: 'weekly', days: ['monday'], fromTime: '22:00', toTime: '04:00', zone: 'Europe/Berlin', until: '2026-03-31' }
    const silence = silenceFromForm(form, now)
    expect(silence).toMatchObject({ endsAt: new Date(2026, 3, 1).toISOString(), repeats: { zone: 'Europe/Berlin', weekly: [{ days: ['monday'], from: '22:00', to: '04:00' }] } })
    expect(silence).not.toHaveProperty('startsAt')
    expect(silenceIsOver(form, now)).toBe(false)
    expect(silenceIsOver({ ...form, until: '2025-12-31' }, now)).toBe(true)
    expect(silenceIsOver({ ...form, until: '' }, now)).toBe(true)
    expect(names(silenceFields('weekly'))).not.toContain('length')
    expect(names(silenceFields('once'))).not.toContain('days')
  })
})

describe('an alert', () => {
  const alert = (change: Partial<Alert>) => standing({ state: 'firing', inhibited: false, silencedBy: null, noDataSince: null, clearingSince: null, ...change } as Alert)

  it('says first what matters most', () => {
    expect(alert({})).toBe('firing')
    expect(alert({ state: 'pending' })).toBe('pending')
    expect(alert({ clearingSince: '2026-01-01T00:00:00Z' })).toBe('clearing')
    expect(alert({ noDataSince: '2026-01-01T00:00:00Z' })).toBe('noData')
    expect(alert({ silencedBy: 's', noDataSince: '2026-01-01T00:00:00Z' })).toBe('silenced')
    expect(alert({ inhibited: true, silencedBy: 's' })).toBe('inhibited')
    expect(alert({ state: 'resolved' })).toBe('resolved')
  })

  it('has the unit of its series', () => {
    const catalogue = [
      { name: 'cpu.total', unit: 'percent', meaning: '' },
      { name: 'disk.*.used', unit: 'bytes', meaning: '' },
    ]
    expect(unitOf('disk./var.used', catalogue)).toBe('bytes')
    expect(unitOf('cpu.total', catalogue)).toBe('percent')
    expect(unitOf('nothing', catalogue)).toBe('count')
  })
})
