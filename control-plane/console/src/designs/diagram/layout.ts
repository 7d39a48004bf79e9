/** Where tables stand in the diagram: those that refer to each other by layers, the rest in rows below. */
import { Graph, layout } from '@dagrejs/dagre'
import type { Schemas } from '@/api/server'

export type DiagramTable = Schemas['DiagramTable']

export interface BoxRow {
  name: string
  type: string
  primaryKey: boolean
  /** `PK`; `FK` if the database holds to what it refers to, `ref` if that is on paper only; else empty. */
  mark: string
}
export interface Box {
  id: string
  name: string
  comment: string
  rows: BoxRow[]
  x: number
  y: number
  width: number
  height: number
}
type Side = 'left' | 'right'
export interface Line {
  id: string
  from: string
  to: string
  /** Columns; empty where only tables are shown. */
  fromColumn: string
  toColumn: string
  fromSide: Side
  toSide: Side
  enforced: boolean
}
export interface Drawing {
  boxes: Box[]
  lines: Line[]
  width: number
  height: number
}

export const HEAD = 32
export const ROW = 22
const GAP = 32
const MARGIN = 24
const MIN_WIDTH = 150
const MAX_WIDTH = 320

function markOf({ primaryKey, reference }: DiagramTable['columns'][number]): string {
  if (primaryKey) return 'PK'
  return reference ? (reference.enforced ? 'FK' : 'ref') : ''
}

/** Wide characters take two places. */
function places(text: string): number {
  let sum = 0
  for (const char of text) sum += (char.codePointAt(0) ?? 0) > 0x2e7f ? 2 : 1
  return sum
}

function boxOf(table: DiagramTable, compact: boolean): Box {
  const rows = compact
    ? []
    : table.columns.map((column) => ({ name: column.name, type: column.dataType, primaryKey: column.primaryKey, mark: markOf(column) }))
  const widest = Math.max(places(table.name) * 8 + 32, ...rows.map((row) => (places(row.name) + places(row.type)) * 7 + 60))
  const width = Math.min(MAX_WIDTH, Math.max(MIN_WIDTH, widest))
  return { id: table.id, name: table.name, comment: table.comment ?? '', rows, x: 0, y: 0, width, height: HEAD + rows.length * ROW + (rows.length ? 6 : 0) }
}

export function draw(tables: readonly DiagramTable[], compact = false): Drawing {
  const boxes = tables.map((table) => boxOf(table, compact))
  const byName = new Map(boxes.map((box) => [box.name, box]))
  const references = tables.flatMap((table) =>
    table.columns.flatMap((column) => {
      const [from, to] = [byName.get(table.name), byName.get(column.reference?.table ?? '')]
      return column.reference && from && to ? [{ from, to, column: column.name, reference: column.reference }] : []
    }),
  )
  const tied = new Set(references.filter((one) => one.from !== one.to).flatMap((one) => [one.from, one.to]))
  const area = layered([...tied], references)
  const alone = boxes.filter((box) => !tied.has(box))
  packed(alone, area.height ? area.height + GAP : MARGIN, Math.max(area.width, 1200))
  const lines = references.map(({ from, to, column, reference }) => line(from, to, compact, column, reference))
  return {
    boxes,
    lines: compact ? [...new Map(lines.map((one) => [`${one.from} ${one.to} ${one.enforced}`, one])).values()] : lines,
    width: Math.max(0, ...boxes.map((box) => box.x + box.width)) + MARGIN,
    height: Math.max(0, ...boxes.map((box) => box.y + box.height)) + MARGIN,
  }
}

function layered(boxes: Box[], references: { from: Box; to: Box }[]): { width: number; height: number } {
  if (boxes.length === 0) return { width: 0, height: 0 }
  const graph = new Graph({ multigraph: true })
  graph.setGraph({ rankdir: 'LR', ranksep: 90, nodesep: GAP, marginx: MARGIN, marginy: MARGIN })
  graph.setDefaultEdgeLabel(() => ({}))
  for (const box of boxes) graph.setNode(box.id, { width: box.width, height: box.height })
  // What is referred to stands left: it was there first.
  for (const [i, { from, to }] of references.entries()) if (from !== to) graph.setEdge(to.id, from.id, {}, String(i))
  layout(graph)
  for (const box of boxes) {
    const at = graph.node(box.id) as { x: number; y: number }
    box.x = Math.round(at.x - box.width / 2)
    box.y = Math.round(at.y - box.height / 2)
  }
  return { width: Math.max(...boxes.map((box) => box.x + box.width)), height: Math.max(...boxes.map((box) => box.y + box.height)) }
}

/** In rows, from left to right. */
function packed(boxes: Box[], top: number, width: number): void {
  let [x, y, tallest] = [MARGIN, top, 0]
  for (const box of boxes) {
    if (x > MARGIN && x + box.width > width) {
      x = MARGIN
      y += tallest + GAP
      tallest = 0
    }
    box.x = x
    box.y = y
    x += box.width + GAP
    tallest = Math.max(tallest, box.height)
  }
}

function line(from: Box, to: Box, compact: boolean, column: string, reference: { column: string; enforced: boolean }): Line {
  const [left, right] = [from.x, from.x + from.width]
  // Each leaves on the side where the other stands; one that refers to itself goes around.
  const sides: [Side, Side] = from === to ? ['right', 'right'] : to.x + to.width <= left ? ['left', 'right'] : to.x >= right ? ['right', 'left'] : ['left', 'left']
  return {
    id: `${from.id} ${column}`,
    from: from.id,
    to: to.id,
    fromColumn: compact ? '' : column,
    toColumn: compact || !to.rows.some((row) => row.name === reference.column) ? '' : reference.column,
    fromSide: sides[0],
    toSide: sides[1],
    enforced: reference.enforced,
  }
}

/** Where a line touches a box: beside the column's row, or the table's name. */
export function anchor(box: Box, column: string, side: Side): { x: number; y: number } {
  const row = box.rows.findIndex((one) => one.name === column)
  return { x: side === 'left' ? box.x : box.x + box.width, y: box.y + (row < 0 ? HEAD / 2 : HEAD + row * ROW + ROW / 2) }
}
