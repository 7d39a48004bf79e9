import { describe, expect, it } from 'vitest'
import { HOST_SECTIONS, instanceOf, linesOf, seriesOf, withoutIdle } from '@/fleet/catalogue'
import type { Metrics } from '@/fleet/useMetrics'

const answer = (series: Metrics['series']): Metrics => ({ tier: 'raw', stepS: 10, stats: ['avg', 'min', 'max'], series })
const chart = (key: string) => {
  const found = HOST_SECTIONS.flatMap((section) => section.charts).find((one) => one.key === key)
  if (!found) throw new Error(key)
  return found
}

describe('instanceOf', () => {
  it('says what the star stands for', () => {
    expect(instanceOf('disk.*.used', 'disk./var/lib.used')).toBe('/var/lib')
    expect(instanceOf('cpu.core.*', 'cpu.core.11')).toBe('11')
    expect(instanceOf('cpu.total', 'cpu.total')).toBe('')
  })

  it('does not take another series for an instance', () => {
    expect(instanceOf('disk.*.used', 'disk..used')).toBeNull()
    expect(instanceOf('disk.*.used', 'disk./.total')).toBeNull()
    expect(instanceOf('cpu.total', 'cpu.user')).toBeNull()
  })
})

describe('linesOf', () => {
  it('orders instances as people count', () => {
    const names = ['cpu.core.10', 'cpu.core.2', 'cpu.core.0'].map((name) => ({ name, unit: 'percent', points: [] }))
    expect(linesOf(chart('cores'), answer(names), (key) => key).map((line) => line.label)).toEqual(['core 0', 'core 2', 'core 10'])
  })

  it('shows used space as a share of the file system', () => {
    const lines = linesOf(
      chart('diskSpace'),
      answer([
        { name: 'disk./.used', unit: 'bytes', points: [[0, 25, 20, 30]] },
        { name: 'disk./.total', unit: 'bytes', points: [[0, 100, 100, 100]] },
      ]),
      (key) => key,
    )
    expect(lines).toHaveLength(1)
    expect(lines[0]?.label).toBe('/')
    expect(lines[0]?.points).toEqual([[0, 25, 20, 30]])
  })

  it('has no line for what was not measured', () => {
    expect(linesOf(chart('diskSpace'), answer([]), (key) => key)).toEqual([])
  })
})

it('a section asks for each series once, wholes included', () => {
  const disks = HOST_SECTIONS.find((section) => section.key === 'disks')
  const names = disks ? seriesOf(disks) : []
  expect(new Set(names).size).toBe(names.length)
  expect(names).toContain('disk.*.total')
})

describe('withoutIdle', () => {
  const line = (name: string, value: number) => ({ name, label: name, color: 1, points: [[0, value, value, value]] })
  const crowd = Array.from({ length: 8 }, (_, i) => line(`eth${i}`, 0))

  it('leaves idle lines out of a crowd and says how many', () => {
    const shown = withoutIdle([...crowd, line('eth9', 4)])
    expect(shown.lines.map((one) => one.name)).toEqual(['eth9'])
    expect(shown.idle).toBe(8)
  })

  it('keeps one where nothing happened at all, and everything where there is room', () => {
    expect(withoutIdle(crowd).lines).toHaveLength(1)
    expect(withoutIdle(crowd.slice(0, 3)).idle).toBe(0)
  })
})
