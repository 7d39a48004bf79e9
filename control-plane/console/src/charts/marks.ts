import type uPlot from 'uplot'

/** What a chart marks in its time: a line where something began, with a pale band until it was over. */
export interface Mark {
  key: string
  at: number
  /** Until when it went on; null while it does. A mark without it is a line alone. */
  until?: number | null
  /** A CSS variable, `--accent` for instance. */
  color: string
  label: string
}

/** So many pixels from the crosshair a mark is still meant by it. */
const NEAR_PX = 7

/** The marks that a place on the chart is at, by a function from time to pixels. */
export function marksAt(marks: readonly Mark[], left: number, toPixels: (ms: number) => number): Mark[] {
  return marks.filter((mark) => Math.abs(toPixels(mark.at) - left) <= NEAR_PX)
}

/** Behind the lines: the bands. */
export function drawBands(u: uPlot, marks: readonly Mark[], color: (name: string) => string): void {
  const { ctx, bbox } = u
  ctx.save()
  for (const mark of marks) {
    if (mark.until === undefined) continue
    const from = Math.max(bbox.left, u.valToPos(mark.at / 1000, 'x', true))
    const to = Math.min(bbox.left + bbox.width, mark.until === null ? Infinity : u.valToPos(mark.until / 1000, 'x', true))
    if (to <= bbox.left || from >= bbox.left + bbox.width) continue
    ctx.globalAlpha = 0.09
    ctx.fillStyle = color(mark.color)
    ctx.fillRect(from, bbox.top, Math.max(1, to - from), bbox.height)
  }
  ctx.restore()
}

/** Over the lines: a dashed line with a flag on its top. */
export function drawLines(u: uPlot, marks: readonly Mark[], color: (name: string) => string): void {
  const { ctx, bbox } = u
  const scale = devicePixelRatio || 1
  ctx.save()
  for (const mark of marks) {
    const x = Math.round(u.valToPos(mark.at / 1000, 'x', true)) + 0.5
    if (x < bbox.left || x > bbox.left + bbox.width) continue
    ctx.strokeStyle = ctx.fillStyle = color(mark.color)
    ctx.lineWidth = scale
    ctx.globalAlpha = 0.85
    ctx.setLineDash([3 * scale, 3 * scale])
    ctx.beginPath()
    ctx.moveTo(x, bbox.top)
    ctx.lineTo(x, bbox.top + bbox.height)
    ctx.stroke()
    ctx.setLineDash([])
    ctx.beginPath()
    ctx.moveTo(x - 4 * scale, bbox.top)
    ctx.lineTo(x + 4 * scale, bbox.top)
    ctx.lineTo(x, bbox.top + 6 * scale)
    ctx.fill()
  }
  ctx.restore()
}
