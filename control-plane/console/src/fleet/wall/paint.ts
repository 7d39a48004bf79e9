/** Draws the whole wall at once: rows of squares, those of a colour one after another. */
import type { Tile } from './grouping'
import type { Layout } from './layout'

export interface Colours {
  heat: readonly string[]
  offline: string
  degraded: string
  silent: string
  surface: string
}

export function coloursOf(element: Element, bins: number): Colours {
  const style = getComputedStyle(element)
  const token = (name: string) => style.getPropertyValue(name).trim()
  return {
    heat: Array.from({ length: bins }, (_, bin) => token(`--heat-${bin + 1}`)),
    offline: token('--bad'),
    degraded: token('--warn'),
    silent: token('--ink-3'),
    surface: token('--surface'),
  }
}

type Spot = readonly [x: number, y: number]

/** An offline host is an empty frame crossed out, a degraded one is framed with a bar through it, a silent one has a dot. */
export function paint(ctx: CanvasRenderingContext2D, wall: Layout, tiles: readonly Tile[], width: number, colours: Colours): void {
  const { size, pitch } = wall
  const plain: Spot[][] = colours.heat.map(() => [])
  const offline: Spot[] = []
  const degraded: Spot[] = []
  const silent: Spot[] = []
  for (const block of wall.blocks) {
    for (let nth = 0; nth < block.count; nth += 1) {
      const tile = tiles[block.first + nth]
      if (!tile) continue
      const spot: Spot = [block.x + (nth % block.perRow) * pitch, block.tilesY + Math.floor(nth / block.perRow) * pitch]
      if (tile.host.status === 'offline') offline.push(spot)
      else if (tile.bin < 0) silent.push(spot)
      else plain[tile.bin]?.push(spot)
      if (tile.host.status === 'degraded') degraded.push(spot)
    }
  }
  ctx.clearRect(0, 0, width, wall.height)
  plain.forEach((spots, bin) => {
    ctx.fillStyle = colours.heat[bin] ?? ''
    for (const [x, y] of spots) ctx.fillRect(x, y, size, size)
  })
  const line = size >= 16 ? 2 : 1.5
  const half = line / 2
  const frame = ([x, y]: Spot) => ctx.rect(x + half, y + half, size - line, size - line)

  ctx.lineWidth = line
  ctx.strokeStyle = colours.silent
  ctx.fillStyle = colours.silent
  ctx.beginPath()
  silent.forEach(frame)
  ctx.globalAlpha = 0.6
  ctx.stroke()
  ctx.globalAlpha = 1
  const dot = Math.max(2, Math.round(size / 5))
  for (const [x, y] of silent) ctx.fillRect(x + (size - dot) / 2, y + (size - dot) / 2, dot, dot)

  // A ring of the ground between the frame and the value keeps both readable.
  ctx.strokeStyle = colours.surface
  ctx.lineWidth = line * 2
  ctx.beginPath()
  for (const [x, y] of degraded) ctx.rect(x + line, y + line, size - 2 * line, size - 2 * line)
  ctx.stroke()
  ctx.strokeStyle = colours.degraded
  ctx.lineWidth = line
  ctx.beginPath()
  for (const spot of degraded) {
    frame(spot)
    ctx.moveTo(spot[0], spot[1] + size)
    ctx.lineTo(spot[0] + size, spot[1])
  }
  ctx.stroke()

  ctx.strokeStyle = colours.offline
  ctx.beginPath()
  for (const spot of offline) {
    const [x, y] = spot
    frame(spot)
    ctx.moveTo(x + half, y + half)
    ctx.lineTo(x + size - half, y + size - half)
    ctx.moveTo(x + size - half, y + half)
    ctx.lineTo(x + half, y + size - half)
  }
  ctx.stroke()
}
