import { describe, expect, it } from 'vitest'
import { endStanding, endsBefore, faultsOf, instancePatch, instanceToForm, readList, regionText, sourcesOf } from '@/fleet/instances'
import { relativeDays } from '@/format/time'

const DAY = 86_400_000
const NOW = Date.parse('2026-01-31T09:30:00Z')

function faults(text: string) {
  const read = readList(text)
  return 'faults' in read ? faultsOf(read.faults).map(({ line, entry, field, error }) => ({ line, entry, field, code: error.code })) : []
}

describe('a list of instances', () => {
  it('is CSV unless it begins like JSON', () => {
    expect(readList('provider,instanceId\naws,i-1')).toEqual({ list: { csv: 'provider,instanceId\naws,i-1' } })
    const one = { provider: 'aws', instanceId: 'i-1', cpu: 4 }
    expect(readList(JSON.stringify([one]))).toEqual({ list: { instances: [one] } })
    expect(readList(`\uFEFF ${JSON.stringify({ instances: [one] })}`)).toEqual({ list: { instances: [one] } })
  })

  it('may name fields with underscores', () => {
    expect(readList('[{"provider":"aws","instance_id":"i-1","Inner_IP":"10.0.0.1"}]')).toEqual({ list: { instances: [{ provider: 'aws', instanceId: 'i-1', innerIp: '10.0.0.1' }] } })
  })

  it('says every fault of an entry at once', () => {
    expect(faults('[{"provider":"aws","instanceId":"i-1"},{"provider":"aws","colour":"red"},7]')).toEqual([
      { line: 0, entry: 2, field: 'colour', code: 'csv-strange' },
      { line: 0, entry: 2, field: 'instanceId', code: 'needed' },
      { line: 0, entry: 3, field: '', code: 'json-entry' },
    ])
    expect(faults('{"hosts":[]}')).toMatchObject([{ code: 'json-list' }])
  })

  it('says where it is no JSON', () => {
    expect(faults('[\n {"provider": "aws",},\n {}]')).toMatchObject([{ line: 2, code: 'json' }])
    expect(faults('[\n{},\n')).toMatchObject([{ line: 3, code: 'json' }])
  })
})

it('faults of the server have their line or entry and the field as lists name it', () => {
  const error = (field: string, params = {}) => ({ field, message: 'x', code: 'needed', params })
  const places = faultsOf([error('line 3: innerip'), error('instances[11].publicIp'), error('csv', { line: '7' }), error('instances')])
  expect(places.map(({ line, entry, field }) => [line, entry, field])).toEqual([
    [3, 0, 'innerIp'],
    [0, 12, 'publicIp'],
    [7, 0, ''],
    [0, 0, ''],
  ])
})

describe('the end of an instance', () => {
  it('is worth a look within a month', () => {
    expect(endStanding(null, NOW)).toBe('none')
    expect(endStanding(NOW - 1, NOW)).toBe('over')
    expect(endStanding(NOW + 30 * DAY, NOW)).toBe('soon')
    expect(endStanding(new Date(NOW + 31 * DAY).toISOString(), NOW)).toBe('later')
  })

  it('is said in days', () => {
    expect(relativeDays(NOW + 12.4 * DAY, NOW, 'en')).toBe('in 12 days')
    expect(relativeDays(NOW + 74 * DAY, NOW, 'en')).toBe('in 74 days')
    expect(relativeDays(NOW - 3.2 * DAY, NOW, 'en')).toBe('3 days ago')
    expect(relativeDays(NOW + 3 * DAY, NOW, 'zh-CN')).toBe('3天后')
    expect(relativeDays(NOW + 5 * 3_600_000, NOW, 'en')).toBe('in 5 hr.')
    expect(relativeDays(NOW + 500 * DAY, NOW, 'en')).toBe('in 16 months')
    expect(relativeDays(NOW - 1000 * DAY, NOW, 'en')).toBe('2 years ago')
  })

  it('narrows the list', () => {
    expect(endsBefore('', NOW)).toBeUndefined()
    expect(endsBefore('soon', NOW)).toBeUndefined()
    expect(endsBefore('over', NOW)).toBe('2026-01-31T09:30:00.000Z')
    expect(endsBefore('7', NOW)).toBe('2026-02-07T09:30:00.000Z')
  })
})

it('a region is said by its name, with the id where that says more', () => {
  expect(regionText({ regionId: 'eu-central-1', regionName: '' })).toBe('eu-central-1')
  expect(regionText({ regionId: 'ap-1', regionName: 'Singapore' })).toBe('Singapore (ap-1)')
  expect(regionText({ regionName: 'Hangzhou' })).toBe('Hangzhou')
})

it('only what somebody changed of an instance is written by hand', () => {
  const before = instanceToForm({ instanceName: 'web', chargeType: 'spot', expiredTime: null })
  expect(instancePatch(before, before)).toEqual({})
  expect(instancePatch({ ...before, instanceName: ' Shop ', chargeType: '' }, before)).toEqual({ instanceName: 'Shop', chargeType: null })
  const ends = instancePatch({ ...before, expiredTime: '2026-12-24T18:00' }, before)
  expect(ends).toEqual({ expiredTime: new Date(2026, 11, 24, 18).toISOString() })
})

it('an instance says where it is known from, people first', () => {
  expect(sourcesOf({ sources: { provider: 'imported', zoneId: 'metadata', chargeType: 'byHand' } })).toEqual(['byHand', 'metadata'])
})
