import { describe, expect, it, vi } from 'vitest'
import { deviceName } from '@/format/device'
import { parseZoom, stepFor } from '@/charts/range'
import { sparkPath } from '@/charts/spark'
import { rank } from '@/frame/rank'
import { clockTime, dayStart, relative } from '@/format/time'
import { bitsPerSecond, bytes, duration, percent, uptime } from '@/format/units'

describe('a device', () => {
  it('is named in two words', () => {
    expect(deviceName('Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36')).toBe('Chrome · Linux')
    expect(deviceName('Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 Mobile/15E148 Safari/604.1')).toBe('Safari · iOS')
    expect(deviceName('Mozilla/5.0 (Windows NT 10.0) Chrome/126.0 Safari/537.36 Edg/126.0')).toBe('Edge · Windows')
    expect(deviceName('curl/8.5.0')).toBe('curl/8.5.0')
  })
})

describe('a day', () => {
  it('begins at the reader’s midnight, also the one after the last of a month', () => {
    expect(dayStart('2026-02-28', 1)).toBe(new Date(2026, 2, 1).toISOString())
    expect(dayStart('soon')).toBeUndefined()
  })
})

describe('units', () => {
  it('uses binary prefixes for bytes and decimal ones for the network', () => {
    expect(bytes(0)).toBe('0 B')
    expect(bytes(1536)).toBe('1.5 KiB')
    expect(bytes(16 * 2 ** 30)).toBe('16 GiB')
    expect(bitsPerSecond(1_250_000)).toBe('1.25 Mbit/s')
  })

  it('keeps three digits', () => {
    expect(percent(12.345)).toBe('12.3 %')
    expect(percent(99.99)).toBe('100 %')
  })

  it('says durations as people do', () => {
    expect(duration(850)).toBe('850 ms')
    expect(duration(12_300)).toBe('12.3 s')
    expect(duration(250_000)).toBe('4 min 10 s')
    expect(duration(7_500_000)).toBe('2 h 5 min')
    expect(uptime(1_000_000_000)).toBe('11 d 13 h')
  })
})

it('times are relative in the reader’s language', () => {
  const now = Date.parse('2026-01-01T12:00:00Z')
  expect(relative('2026-01-01T11:56:00Z', now, 'en')).toMatch(/^4 min/)
  expect(relative('2026-01-01T11:56:00Z', now, 'zh-CN')).toMatch(/4\s?分钟前/)
  expect(relative(now - 2000, now, 'en')).toBe('now')
})

describe('ranges', () => {
  it('asks for about as many points as fit', () => {
    expect(stepFor({ from: 0, to: 3_600_000 })).toBe(10)
    expect(stepFor({ from: 0, to: 86_400_000 })).toBe(300)
    expect(stepFor({ from: 0, to: 90 * 86_400_000 })).toBe(21_600)
  })

  it('reads a zoom from the address and refuses nonsense', () => {
    expect(parseZoom('1764000000000-1764000600000')).toEqual({ from: 1764000000000, to: 1764000600000 })
    expect(parseZoom('1764000600000-1764000000000')).toBeNull()
    expect(parseZoom('javascript:1')).toBeNull()
  })
})

describe('sparkPath', () => {
  const box = { from: 0, to: 100_000, width: 100, height: 20, stepMs: 10_000, max: 100 }
  it('breaks the line at a gap', () => {
    const { line } = sparkPath([[0, 0], [10_000, 50], [60_000, 50], [70_000, 100]], box)
    expect(line.match(/M/g)).toHaveLength(2)
  })
  it('is empty without points', () => {
    expect(sparkPath([], box)).toEqual({ line: '', area: '' })
  })
})

describe('rank', () => {
  const names = ['web-01', 'db-web', 'cobweb', 'wearable', 'x']
  it('puts beginnings first, then words, then the middle, then scattered letters', () => {
    expect(rank(names, 'web', (name) => name)).toEqual(['web-01', 'db-web', 'cobweb', 'wearable'])
  })
  it('keeps the order when nothing is typed', () => {
    expect(rank(names, '', (name) => name)).toEqual(names)
  })
})

describe('the time of a line', () => {
  it('is on a clock of 24 hours that begins with 00', () => {
    const midnight = new Date(2026, 6, 6, 0, 5, 9).getTime()
    for (const locale of ['en', 'zh-CN']) expect(clockTime(midnight, locale)).toBe('00:05:09')
  })

  it('is written by one formatter for all lines: a log of thousands froze its page', () => {
    const Real = Intl.DateTimeFormat
    let made = 0
    vi.stubGlobal('Intl', {
      ...Intl,
      DateTimeFormat: class extends Real {
        constructor(...how: ConstructorParameters<typeof Real>) {
          super(...how)
          made += 1
        }
      },
    })
    for (let line = 0; line < 2_000; line += 1) clockTime(line * 1_000, 'de')
    vi.unstubAllGlobals()
    expect(made).toBe(1)
  })
})
