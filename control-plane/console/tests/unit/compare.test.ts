import { describe, expect, it } from 'vitest'
import { COMPARED, COMPARED_SERIES, MOST_COMPARED, comparedLines, foldedPoints, idsOf, isMeasured, type ComparedChart, type ComparedHost } from '@/fleet/compare/compared'
import type { Metrics } from '@/fleet/useMetrics'
import { MOST_VIEWS, readViews, sameQuery, viewQuery, withView, withoutView, type SavedView } from '@/fleet/views/savedViews'

const id = (n: number) => `01890000-0000-7000-8000-${String(n).padStart(12, '0')}`
const metrics = (series: Record<string, [number, number][]>): Metrics =>
  ({ tier: 'raw', stepS: 10, stats: ['avg'], series: Object.entries(series).map(([name, points]) => ({ name, unit: '', points })) }) as unknown as Metrics
const chart = (key: string): ComparedChart => COMPARED.find((one) => one.key === key) as ComparedChart

describe('hosts to compare', () => {
  it('are those of the address, each once, no more than there are colours', () => {
    expect(idsOf('')).toEqual([])
    expect(idsOf(`${id(1)},nonsense,${id(2)},${id(1)}`)).toEqual([id(1), id(2)])
    expect(idsOf(Array.from({ length: 20 }, (_, i) => id(i)).join(',')).length).toBe(MOST_COMPARED)
  })

  it('are asked for all series of all charts by one call each', () => {
    expect(COMPARED_SERIES.split(',').length).toBe(new Set(COMPARED_SERIES.split(',')).size)
    expect(COMPARED_SERIES.split(',').length).toBeLessThanOrEqual(32)
    for (const key of ['cpu.total', 'memory.total', 'disk.*.total']) expect(COMPARED_SERIES).toContain(key)
  })
})

describe('a host’s line', () => {
  it('is the greatest of its instances, or their sum, time by time', () => {
    const found = metrics({ 'diskio.a.readBytes': [[0, 1], [10, 2]], 'diskio.b.readBytes': [[10, 5], [20, 7]], 'net.e.rxBytes': [[0, 3]], 'net.f.rxBytes': [[0, 9]] })
    expect(foldedPoints(chart('read'), found, 4)).toEqual([[0, 1], [10, 7], [20, 7]])
    expect(foldedPoints(chart('received'), found, 4)).toEqual([[0, 9]])
  })

  it('is a share of the whole of the same instance', () => {
    const found = metrics({ 'disk./.used': [[0, 10]], 'disk./.total': [[0, 100]], 'disk./var.used': [[0, 30]], 'disk./var.total': [[0, 40]], 'disk./lost.used': [[0, 9]] })
    expect(foldedPoints(chart('disk'), found, 4)).toEqual([[0, 75]])
    expect(foldedPoints(chart('load'), metrics({ 'load.1': [[0, 6]] }), 4)).toEqual([[0, 1.5]])
    expect(foldedPoints(chart('load'), metrics({ 'load.1': [[0, 6]] }), 0)).toEqual([])
  })

  it('keeps its gaps', () => {
    const found = metrics({ 'cpu.total': [[0, 1], [90_000, 2]] })
    expect(foldedPoints(chart('cpu'), found, 4)).toEqual([[0, 1], [90_000, 2]])
  })

  it('is there for each host that is not hidden, in the host’s own colour', () => {
    const host = (n: number, more: Partial<ComparedHost> = {}): ComparedHost => ({ id: id(n), name: `h${n}`, cpus: 4, color: n, hidden: false, metrics: metrics({ 'cpu.total': [[0, n]] }), ...more })
    const hosts = [host(1), host(2, { hidden: true }), host(3), host(4, { metrics: undefined })]
    expect(comparedLines(chart('cpu'), hosts).map((line) => [line.label, line.color, line.points.length])).toEqual([['h1', 1, 1], ['h3', 3, 1]])
    expect(isMeasured(chart('cpu'), hosts)).toBe(true)
    expect(isMeasured(chart('swap'), hosts)).toBe(false)
  })
})

describe('saved views', () => {
  const view = (name: string, more: Partial<SavedView> = {}): SavedView => ({ name, page: 'wall', query: { by: 'cluster' }, ...more })

  it('hold what the page shows, without what is open or passes', () => {
    expect(viewQuery({ show: 'disk', by: '', add: '1', zoom: '1-2', status: ['a'] })).toEqual({ show: 'disk' })
    expect(sameQuery({ b: '1', a: '2', zoom: '3' }, { a: '2', b: '1' })).toBe(true)
    expect(sameQuery({ a: '2' }, { a: '3' })).toBe(false)
  })

  it('stand by name; the same name on the same page is replaced', () => {
    const all = withView(withView([view('b')], view('a')), view('b', { query: { by: 'none' } }))
    expect(all.map((one) => [one.name, one.query.by])).toEqual([['a', 'cluster'], ['b', 'none']])
    expect(withView(all, view('a', { page: 'hosts' })).length).toBe(3)
    expect(withoutView(all, view('a')).map((one) => one.name)).toEqual(['b'])
    const many = Array.from({ length: MOST_VIEWS }, (_, i) => view(`v${i}`))
    expect(withView(many, view('one more')).length).toBe(MOST_VIEWS)
  })

  it('survive what somebody else wrote there', () => {
    for (const text of [null, '', 'not json', '{}', '[null, 1, {"name": "x"}, {"name": "x", "page": "nowhere", "query": {}}]']) expect(readViews(text), String(text)).toEqual([])
    expect(readViews(JSON.stringify([view('a', { query: { by: 'none', add: '1' } })]))).toEqual([view('a', { query: { by: 'none' } })])
  })
})
