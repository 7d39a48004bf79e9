import { describe, expect, it } from 'vitest'
import { align, columnsOf, lastValue, summary, type ChartSeries } from '@/charts/model'

const columns = columnsOf(['avg', 'min', 'max'])
const series = (points: (number | null)[][], factor?: number): ChartSeries => ({ name: 's', label: 's', color: 1, points, factor })

describe('align', () => {
  it('gives each series an average, a minimum and a maximum, in seconds', () => {
    const data = align([series([[10_000, 5, 1, 9], [20_000, 6, 2, 8]])], columns, 10)
    expect(data).toEqual([[10, 20], [5, 6], [1, 2], [9, 8]])
  })

  it('breaks the line where readings are missing', () => {
    const data = align([series([[0, 1, 1, 1], [10_000, 1, 1, 1], [60_000, 2, 2, 2]])], columns, 10)
    expect(data[0]).toEqual([0, 10, 20, 60])
    expect(data[1]).toEqual([1, 1, null, 2])
  })

  it('does not take one late reading for a gap', () => {
    const data = align([series([[0, 1, 1, 1], [21_000, 1, 1, 1]])], columns, 10)
    expect(data[0]).toEqual([0, 21])
  })

  it('draws on where only the other series has a point', () => {
    const data = align([series([[0, 1, 1, 1], [20_000, 3, 3, 3]]), series([[10_000, 7, 7, 7]])], columns, 10)
    expect(data[0]).toEqual([0, 10, 20])
    expect(data[1]).toEqual([1, undefined, 3])
    expect(data[4]).toEqual([undefined, 7, undefined])
  })

  it('keeps a reading that stands where a gap of the other series begins', () => {
    const data = align([series([[0, 1, 1, 1], [90_000, 1, 1, 1]]), series([[10_000, 7, 7, 7]])], columns, 10)
    expect(data[0]).toEqual([0, 10, 90])
    expect(data[1]).toEqual([1, null, 1])
    expect(data[4]?.[1]).toBe(7)
  })

  it('keeps a gap open as long as it is while the other series goes on', () => {
    const on = [0, 10_000, 20_000, 30_000, 40_000, 50_000].map((time) => [time, 7, 7, 7])
    const data = align([series([[0, 1, 1, 1], [50_000, 2, 2, 2]]), series(on)], columns, 10)
    expect(data[1]).toEqual([1, null, null, null, null, 2])
    expect(data[4]).toEqual([7, 7, 7, 7, 7, 7])
  })

  it('multiplies by the factor and leaves nothing as nothing', () => {
    const data = align([series([[0, 2, 1, 3], [10_000, null, null, null]], 8)], columns, 10)
    expect(data.slice(1)).toEqual([[16, null], [8, null], [24, null]])
  })

  it('uses the average for the band where only that was asked for', () => {
    const data = align([series([[0, 4]])], columnsOf(['avg']), 10)
    expect(data.slice(1)).toEqual([[4], [4], [4]])
  })
})

describe('what a legend and a description say', () => {
  it('takes the last value that is one', () => {
    expect(lastValue(series([[0, 1, 1, 1], [10, null, null, null]], 2), columns)).toBe(2)
    expect(lastValue(series([]), columns)).toBeNull()
  })

  it('spans the lowest and the highest reading, not the averages', () => {
    expect(summary(series([[0, 5, 1, 9], [10, 6, 2, 20]]), columns)).toEqual({ low: 1, high: 20, last: 6 })
  })
})
