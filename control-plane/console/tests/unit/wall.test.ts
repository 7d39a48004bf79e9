import { describe, expect, it } from 'vitest'
import { MOST_GROUPS, grouped, labelKeys, tally, tileOf, topOf, type Tile, type WallHost } from '@/fleet/wall/grouping'
import { layout, moved, placeOf, tileAt } from '@/fleet/wall/layout'
import { MEASURE, MEASURES, binOf, readingsOf } from '@/fleet/wall/measures'
import { paint, type Colours } from '@/fleet/wall/paint'

const GIB = 2 ** 30
const VALUES = {
  'cpu.total': 42,
  'load.1': 6,
  'memory.used': 3 * GIB,
  'memory.total': 4 * GIB,
  'disk./.used': 10,
  'disk./.total': 100,
  'disk./var.used': 90,
  'disk./var.total': 100,
  'net.eth0.rxBytes': 1000,
  'net.eth0.txBytes': 250,
  'net.docker0.rxBytes': 900,
}

describe('readings of the wall', () => {
  it('are one number for each measure', () => {
    const { values, mount } = readingsOf(7, VALUES, 8)
    expect(values).toEqual({ cpu: 42, memory: 75, disk: 90, load: 0.75, network: 10_000 })
    expect(mount).toBe('/var')
  })

  it('are none where the host says nothing or its cores are not known', () => {
    expect(readingsOf(7, {}, 8).values).toEqual({ cpu: null, memory: null, disk: null, load: null, network: null })
    expect(readingsOf(7, VALUES, 0).values.load).toBeNull()
  })

  it('have a colour for each step, which begins at its edge', () => {
    expect([0, 19.9, 20, 59, 89.99, 90, 250].map((value) => binOf(value, MEASURE.cpu.edges))).toEqual([0, 0, 1, 2, 4, 5, 5])
    for (const key of MEASURES) expect(MEASURE[key].edges.length, key).toBe(5)
  })
})

const host = (name: string, more: Partial<WallHost> = {}): WallHost => ({ id: name, name, status: 'online', clusterId: '', environment: 'prod', labels: {}, cpus: 4, ...more })
const tile = (name: string, value: number | null, more: Partial<WallHost> = {}): Tile => tileOf(host(name, more), value === null ? null : readingsOf(1, { 'cpu.total': value }, 4), 'cpu')

describe('groups of the wall', () => {
  const tiles = [
    tile('web-10', 30),
    tile('web-2', 90, { labels: { role: 'web' } }),
    tile('db-1', 50, { environment: 'test', clusterId: 'c1', status: 'degraded' }),
    tile('db-2', 99, { environment: 'test', status: 'offline', labels: { role: 'db', zone: 'a' } }),
    tile('new', null, { environment: '' }),
  ]
  const shape = (by: string, order: 'name' | 'worst' = 'name') => grouped(tiles, by, order).map((group) => [group.kind, group.key, group.tiles.map((one) => one.host.name)])

  it('are of an environment, a cluster, a label, or one for all', () => {
    expect(shape('environment')).toEqual([['value', 'prod', ['web-2', 'web-10']], ['value', 'test', ['db-1', 'db-2']], ['without', '', ['new']]])
    expect(shape('cluster')).toEqual([['value', 'c1', ['db-1']], ['without', '', ['db-2', 'new', 'web-2', 'web-10']]])
    expect(shape('label:role')).toEqual([['value', 'db', ['db-2']], ['value', 'web', ['web-2']], ['without', '', ['db-1', 'new', 'web-10']]])
    expect(shape('none')).toEqual([['value', '', ['db-1', 'db-2', 'new', 'web-2', 'web-10']]])
    expect(grouped([], 'none', 'name')).toEqual([])
  })

  it('count who is missing, and leave what an offline host said last out of worst and mean', () => {
    const [prod, test, none] = grouped(tiles, 'environment', 'name')
    expect(prod).toMatchObject({ worst: 90, mean: 60, offline: 0, degraded: 0 })
    expect(test).toMatchObject({ worst: 50, mean: 50, offline: 1, degraded: 1 })
    expect(none).toMatchObject({ worst: null, mean: null })
  })

  it('stand worst first on demand: groups by their worst, in them the offline ones before all', () => {
    expect(shape('environment', 'worst')).toEqual([['value', 'prod', ['web-2', 'web-10']], ['value', 'test', ['db-2', 'db-1']], ['without', '', ['new']]])
    expect(shape('none', 'worst')[0]?.[2]).toEqual(['db-2', 'web-2', 'db-1', 'web-10', 'new'])
  })

  it('follow an order of their own where there is one, and the names that people gave', () => {
    expect(grouped(tiles, 'environment', 'name', undefined, ['test', 'prod']).map((group) => group.key)).toEqual(['test', 'prod', ''])
    const named = [tile('a', 1, { clusterId: 'c1' }), tile('b', 1, { clusterId: 'c2' })]
    expect(grouped(named, 'cluster', 'name', (key) => ({ c1: 'lisbon', c2: 'berlin' })[key] ?? '').map((group) => group.key)).toEqual(['c2', 'c1'])
  })

  it('put the smallest together when there are too many', () => {
    const many = Array.from({ length: MOST_GROUPS + 30 }, (_, i) => tile(`h${i}`, i, { labels: { n: String(i) } }))
    const groups = grouped([...many, tile('h0b', 1, { labels: { n: '0' } })], 'label:n', 'name')
    expect(groups.length).toBe(MOST_GROUPS + 1)
    expect(groups.at(-1)).toMatchObject({ kind: 'rest' })
    expect(groups.at(-1)?.tiles.length).toBe(30)
    expect(groups.find((group) => group.key === '0')?.tiles.length).toBe(2)
    expect(groups.reduce((sum, group) => sum + group.tiles.length, 0)).toBe(MOST_GROUPS + 31)
  })

  it('know the top, the keys of labels, and how many have each colour', () => {
    expect(topOf(tiles, 2).map((one) => one.host.name)).toEqual(['web-2', 'db-1'])
    expect(labelKeys(tiles.map((one) => one.host))).toEqual(['role', 'zone'])
    expect(tally(tiles, 6)).toEqual({ bins: [0, 1, 1, 0, 0, 1], offline: 1, degraded: 1, silent: 1 })
  })
})

describe('the layout of the wall', () => {
  it('shows 5,000 hosts at a glance on a usual screen, and few hosts large', () => {
    const many = layout([5000], 700, 44)
    expect(many.height).toBeLessThan(1000)
    expect(many.size).toBeGreaterThanOrEqual(10)
    expect(layout([24], 700, 44).size).toBeGreaterThan(30)
  })

  it('never goes over the edge, and gives a finger room on a narrow one', () => {
    for (const width of [1, 200, 334, 700, 1024, 1600]) {
      const wall = layout([900, 3, 77, 1, 0, 4000], width, 44)
      for (const block of wall.blocks) if (width > 20) expect(block.x + block.perRow * wall.pitch, `${width}`).toBeLessThanOrEqual(width)
      expect(wall.count).toBe(4981)
    }
    expect(layout([5000], 334, 44).pitch).toBeGreaterThanOrEqual(13)
  })

  it('puts groups beside each other where that is lower', () => {
    const wall = layout(new Array<number>(40).fill(5), 1024, 44)
    expect(new Set(wall.blocks.map((block) => block.x)).size).toBeGreaterThan(1)
    for (const a of wall.blocks) for (const b of wall.blocks) if (a !== b && a.x === b.x) expect(a.y + a.height <= b.y || b.y + b.height <= a.y).toBe(true)
  })

  it('finds each tile where it stands, and none elsewhere', () => {
    const wall = layout([7, 120, 1], 300, 44)
    for (let index = 0; index < wall.count; index += 1) {
      const { x, y } = placeOf(wall, index)
      expect(tileAt(wall, x, y)).toBe(index)
      expect(tileAt(wall, x + wall.size, y + wall.size)).toBe(index)
    }
    expect(tileAt(wall, 5, 5)).toBe(-1)
    expect(tileAt(wall, -1, 50)).toBe(-1)
    expect(tileAt(wall, 5, wall.height + 5)).toBe(-1)
    const last = placeOf(wall, 6)
    expect(tileAt(wall, last.x + wall.pitch + 1, last.y)).toBe(-1)
  })
})

describe('keys on the wall', () => {
  // Two groups above each other: 10 tiles in rows of 4, then 3.
  const block = (y: number, count: number, first: number) => ({ x: 0, y, width: 40, height: 10 + Math.ceil(count / 4) * 10, tilesY: y + 10, perRow: 4, count, first })
  const wall = { pitch: 10, size: 9, height: 80, count: 13, blocks: [block(0, 10, 0), block(50, 3, 10)] }
  const go = (from: number, ...keys: string[]) => keys.reduce((at, key) => moved(wall, at, key.replace('^', ''), key.startsWith('^')) ?? -1, from)

  it('go along and end at the ends', () => {
    expect(go(0, 'ArrowRight', 'ArrowRight', 'ArrowLeft')).toBe(1)
    expect(go(0, 'ArrowLeft')).toBe(0)
    expect(go(12, 'ArrowRight')).toBe(12)
    expect(go(9, 'ArrowRight')).toBe(10)
  })

  it('go up and down by where the tiles stand, from group to group', () => {
    expect(go(1, 'ArrowDown')).toBe(5)
    expect(go(7, 'ArrowDown')).toBe(9)
    expect(go(9, 'ArrowDown')).toBe(11)
    expect(go(11, 'ArrowUp')).toBe(9)
    expect(go(5, 'ArrowUp')).toBe(1)
    expect(go(1, 'ArrowUp')).toBe(1)
    expect(go(12, 'ArrowDown')).toBe(12)
  })

  it('go to the ends of a row, of the wall, and to the next group', () => {
    expect(go(5, 'Home')).toBe(4)
    expect(go(5, 'End')).toBe(7)
    expect(go(8, 'End')).toBe(9)
    expect(go(5, '^Home')).toBe(0)
    expect(go(5, '^End')).toBe(12)
    expect(go(5, 'PageDown')).toBe(10)
    expect(go(11, 'PageUp')).toBe(10)
    expect(go(10, 'PageUp')).toBe(0)
    expect(go(11, 'PageDown')).toBe(12)
  })

  it('leave other keys alone, and reach every tile beside each other too', () => {
    expect(moved(wall, 0, 'a')).toBeUndefined()
    const wide = layout([50, 20, 30, 44], 1024, 44)
    const seen = new Set([0])
    const left = [0]
    for (let at = left.pop(); at !== undefined; at = left.pop()) {
      for (const key of ['ArrowUp', 'ArrowDown', 'ArrowLeft', 'ArrowRight']) {
        const next = moved(wide, at, key)
        if (next !== undefined && !seen.has(next)) {
          seen.add(next)
          left.push(next)
        }
      }
    }
    expect(seen.size).toBe(144)
  })
})

describe('the painting', () => {
  it('fills each reporting tile once in its colour, and strokes signs for the others', () => {
    const tiles = [tile('a', 5), tile('b', 95), tile('c', 95, { status: 'offline' }), tile('d', null), tile('e', 45, { status: 'degraded' })]
    const filled: string[] = []
    const stroked: string[] = []
    const ctx = { fillStyle: '', strokeStyle: '', lineWidth: 1, globalAlpha: 1, clearRect() {}, rect() {}, beginPath() {}, moveTo() {}, lineTo() {}, fillRect: () => filled.push(ctx.fillStyle), stroke: () => stroked.push(ctx.strokeStyle) }
    const colours: Colours = { heat: ['h1', 'h2', 'h3', 'h4', 'h5', 'h6'], offline: 'off', degraded: 'slow', silent: 'none', surface: 'ground' }
    paint(ctx as unknown as CanvasRenderingContext2D, layout([5], 300, 0), tiles, 300, colours)
    expect(filled).toEqual(['h1', 'h3', 'h6', 'none'])
    expect(stroked).toEqual(['none', 'ground', 'slow', 'off'])
  })
})
