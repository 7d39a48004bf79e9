/** Where the tiles stand, which one is under the pointer, and where an arrow key leads. Pure. */

/** A group's place: its heading on top, its tiles in rows below. */
export interface Block {
  x: number
  y: number
  width: number
  /** With the heading. */
  height: number
  /** Top of the first row. */
  tilesY: number
  /** Tiles in a row. */
  perRow: number
  count: number
  /** Number of its first tile on the wall. */
  first: number
}

export interface Layout {
  /** From one tile to the next. */
  pitch: number
  /** A tile's edge. */
  size: number
  height: number
  blocks: Block[]
  count: number
}

/** From one tile to the next, largest first: the largest that shows everything at a glance is taken, else the last. */
const PITCHES = [36, 32, 28, 25, 22, 20, 18, 16, 14, 13, 12, 11]
/** A finger needs more. */
const NARROW = 480
const NARROW_PITCH = 13
/** So high a wall is seen at once on a usual screen. */
const GLANCE = 620
const COLUMN_GAP = 24
const ROW_GAP = 14
/** A column narrower than this has no room for a heading. */
const LEAST_COLUMN = 250

function arranged(counts: readonly number[], width: number, pitch: number, columns: number, head: number): { blocks: Block[]; height: number } {
  const column = Math.floor((width - COLUMN_GAP * (columns - 1)) / columns)
  const perRow = Math.max(1, Math.floor(column / pitch))
  const filled = new Array<number>(columns).fill(0)
  let first = 0
  const blocks = counts.map((count): Block => {
    const at = filled.indexOf(Math.min(...filled))
    const y = filled[at] as number
    const height = head + Math.ceil(count / perRow) * pitch
    filled[at] = y + height + ROW_GAP
    const block = { x: at * (column + COLUMN_GAP), y, width: column, height, tilesY: y + head, perRow, count, first }
    first += count
    return block
  })
  return { blocks, height: Math.max(0, Math.max(...filled) - ROW_GAP) }
}

function best(counts: readonly number[], width: number, pitch: number, head: number): { blocks: Block[]; height: number } {
  const most = Math.max(1, Math.min(counts.length, Math.floor((width + COLUMN_GAP) / (LEAST_COLUMN + COLUMN_GAP))))
  let found = arranged(counts, width, pitch, 1, head)
  for (let columns = 2; columns <= most; columns += 1) {
    const other = arranged(counts, width, pitch, columns, head)
    if (other.height < found.height) found = other
  }
  return found
}

/** `counts` has the number of tiles of each group, `head` the height of a heading. */
export function layout(counts: readonly number[], width: number, head: number): Layout {
  const pitches = width < NARROW ? PITCHES.filter((pitch) => pitch >= NARROW_PITCH) : PITCHES
  let pitch = pitches[0] as number
  let found = best(counts, width, pitch, head)
  for (const next of pitches.slice(1)) {
    if (found.height <= GLANCE) break
    pitch = next
    found = best(counts, width, pitch, head)
  }
  const size = pitch - (pitch >= 20 ? 3 : pitch >= 14 ? 2 : 1)
  return { pitch, size, count: counts.reduce((sum, count) => sum + count, 0), ...found }
}

/** Left top of a tile. */
export function placeOf({ blocks, pitch }: Layout, index: number): { x: number; y: number; block: number } {
  let block = 0
  while (block < blocks.length - 1 && index >= (blocks[block + 1] as Block).first) block += 1
  const { x, tilesY, perRow, first } = blocks[block] ?? { x: 0, tilesY: 0, perRow: 1, first: 0 }
  const nth = index - first
  return { x: x + (nth % perRow) * pitch, y: tilesY + Math.floor(nth / perRow) * pitch, block }
}

/** The tile at a place, or -1. The gap behind a tile is its own, so that the pointer never falls between two. */
export function tileAt({ blocks, pitch }: Layout, x: number, y: number): number {
  for (const block of blocks) {
    if (x < block.x || x >= block.x + block.perRow * pitch || y < block.tilesY || y >= block.y + block.height) continue
    const nth = Math.floor((y - block.tilesY) / pitch) * block.perRow + Math.floor((x - block.x) / pitch)
    return nth < block.count ? block.first + nth : -1
  }
  return -1
}

const clamped = (value: number, low: number, high: number) => Math.min(high, Math.max(low, value))

/** The tile of a block's row that stands nearest to `x`. */
function inRow(block: Block, pitch: number, row: number, x: number): number {
  const nth = row * block.perRow + clamped(Math.round((x - block.x) / pitch), 0, block.perRow - 1)
  return block.first + Math.min(nth, block.count - 1)
}

/** The nearest block above (-1) or below (1) that `x` leads to. */
function neighbour(all: readonly Block[], from: Block, x: number, way: -1 | 1): Block | undefined {
  const far = (block: Block) => (way < 0 ? from.y - (block.y + block.height) : block.y - (from.y + from.height))
  const aside = (block: Block) => Math.max(0, block.x - x, x - (block.x + block.width))
  return all.filter((block) => block.count > 0 && block !== from && far(block) >= 0).sort((a, b) => Number(aside(a) > 0) - Number(aside(b) > 0) || far(a) - far(b) || aside(a) - aside(b))[0]
}

/** Where a key leads from a tile; the same tile if nowhere, undefined if it is no key of the wall's. */
export function moved(wall: Layout, index: number, key: string, ctrl = false): number | undefined {
  const { blocks, pitch, count } = wall
  const last = count - 1
  const { x, block: at } = placeOf(wall, index)
  const block = blocks[at]
  if (!block) return undefined
  const nth = index - block.first
  const row = Math.floor(nth / block.perRow)
  const rows = Math.ceil(block.count / block.perRow)
  switch (key) {
    case 'ArrowLeft':
      return Math.max(0, index - 1)
    case 'ArrowRight':
      return Math.min(last, index + 1)
    case 'ArrowUp': {
      if (row > 0) return index - block.perRow
      const above = neighbour(blocks, block, x, -1)
      return above ? inRow(above, pitch, Math.ceil(above.count / above.perRow) - 1, x) : index
    }
    case 'ArrowDown': {
      if (row < rows - 1) return inRow(block, pitch, row + 1, x)
      const below = neighbour(blocks, block, x, 1)
      return below ? inRow(below, pitch, 0, x) : index
    }
    case 'Home':
      return ctrl ? 0 : block.first + row * block.perRow
    case 'End':
      return ctrl ? last : block.first + Math.min(block.count, (row + 1) * block.perRow) - 1
    case 'PageUp':
      return nth > 0 ? block.first : (blocks[at - 1]?.first ?? index)
    case 'PageDown':
      return blocks[at + 1]?.first ?? last
    default:
      return undefined
  }
}
