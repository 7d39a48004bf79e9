import { describe, expect, it } from 'vitest'
import { isStill, readSizes, rolloutTone, wavesIn, wavesOf } from '@/schema/rolloutText'
import type { RolloutDetail } from '@/schema/useRollouts'

describe('sizes of waves', () => {
  it('are read as people write them', () => {
    expect(readSizes('1, 25%')).toEqual([1, '25%'])
    expect(readSizes(' 2，3、 007%')).toEqual([2, 3, '7%'])
    expect(readSizes('')).toEqual([])
    for (const wrong of ['0', '-1', '0%', '101%', 'one', '1.5', '1;2']) expect(readSizes(wrong), wrong).toBeNull()
    expect(readSizes(Array(20).fill('1').join(','))).toHaveLength(20)
    expect(readSizes(Array(21).fill('1').join(','))).toBeNull()
  })

  it('make the waves that the server makes', () => {
    const servers = (count: number) => Array.from({ length: count }, (_, nth) => String(nth))
    const lengths = (count: number, sizes: (number | string)[]) => wavesOf(servers(count), sizes).map((wave) => wave.length)
    expect(lengths(8, [1, '25%'])).toEqual([1, 2, 5])
    expect(lengths(3, [1])).toEqual([1, 2])
    expect(lengths(3, [5])).toEqual([3])
    expect(lengths(3, ['1%', '1%'])).toEqual([1, 1, 1])
    expect(lengths(2, [])).toEqual([2])
    expect(lengths(0, [1])).toEqual([])
  })
})

describe('a rollout', () => {
  const server = (wave: number, executionStatus: RolloutDetail['servers'][number]['executionStatus']) => ({
    server: String(wave),
    serverLabel: String(wave),
    wave,
    executionId: null,
    executionStatus,
    error: null,
    underWay: null,
  })
  const rollout = { status: 'cancelled', waveCount: 2, endedAt: '2026-07-06T12:00:00Z', servers: [server(0, 'running'), server(1, null)] } as RolloutDetail

  it('shows its servers wave by wave', () => {
    expect(wavesIn(rollout).map((wave) => wave.map((one) => one.serverLabel))).toEqual([['0'], ['1']])
  })

  it('moves until what runs has ended', () => {
    expect(isStill(rollout)).toBe(false)
    expect(isStill({ ...rollout, servers: [server(0, 'success'), server(1, null)] })).toBe(true)
    expect(isStill({ ...rollout, endedAt: null, servers: [server(0, 'success')] })).toBe(false)
  })

  it('says by its tone when somebody has to look', () => {
    expect((['rolling', 'paused', 'halted', 'success', 'cancelled'] as const).map(rolloutTone)).toEqual(['busy', 'warn', 'bad', 'ok', 'idle'])
  })
})
