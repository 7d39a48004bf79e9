import { expect, it } from 'vitest'
import type { Metrics } from '@/fleet/useMetrics'
import { liveWindow, withLive } from '@/fleet/useLive'

const stored: Metrics = {
  tier: 'raw',
  stepS: 10,
  stats: ['avg', 'min', 'max'],
  series: [{ name: 'cpu.total', unit: 'percent', points: [[10_000, 5, 4, 6], [20_000, 7, 6, 8]] }],
}

it('live readings follow the stored ones and replace those of the same time', () => {
  const merged = withLive(stored, [{ at: 15_000, values: { 'cpu.total': 9 } }, { at: 16_000, values: {} }])
  expect(merged.series[0]?.points).toEqual([[10_000, 5, 4, 6], [15_000, 9, 9, 9]])
})

it('rollups are left alone', () => {
  expect(withLive({ ...stored, tier: 'hour' }, [{ at: 15_000, values: { 'cpu.total': 9 } }]).series).toEqual(stored.series)
})

it('the window ends with the newest reading', () => {
  expect(liveWindow({ from: 0, to: 10_000 }, [{ at: 12_000, values: {} }])).toEqual({ from: 2_000, to: 12_000 })
  expect(liveWindow({ from: 0, to: 10_000 }, [])).toEqual({ from: 0, to: 10_000 })
})
