/** The drawing as a picture of its own: no page, no style sheet. */
import { anchor, HEAD, ROW, type Box, type Drawing, type Line } from './layout'

export interface Colours {
  surface: string
  page: string
  ink: string
  quiet: string
  line: string
  accent: string
}

export function diagramSvg(drawing: Drawing, title: string, colours: Colours): string {
  const boxes = new Map(drawing.boxes.map((box) => [box.id, box]))
  const { width, height } = drawing
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="12">`,
    `<title>${escaped(title)}</title>`,
    `<defs><marker id="end" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto-start-reverse"><path d="M0 0L8 4L0 8z" fill="${colours.quiet}"/></marker></defs>`,
    `<rect width="${width}" height="${height}" fill="${colours.page}"/>`,
    ...drawing.lines.map((line) => lineSvg(line, boxes, colours)),
    ...drawing.boxes.map((box) => boxSvg(box, colours)),
    '</svg>',
    '',
  ].join('\n')
}

function lineSvg(line: Line, boxes: Map<string, Box>, colours: Colours): string {
  const [from, to] = [boxes.get(line.from), boxes.get(line.to)]
  if (!from || !to) return ''
  const dashes = line.enforced ? '' : ' stroke-dasharray="5 4"'
  return `<path d="${path(anchor(from, line.fromColumn, line.fromSide), line.fromSide, anchor(to, line.toColumn, line.toSide), line.toSide)}" fill="none" stroke="${colours.quiet}" stroke-width="1.5"${dashes} marker-end="url(#end)"/>`
}

type Point = { x: number; y: number }
function path(a: Point, aSide: Line['fromSide'], b: Point, bSide: Line['toSide']): string {
  const reach = Math.max(40, Math.abs(a.x - b.x) / 2)
  const out = (side: Line['fromSide']) => (side === 'left' ? -reach : reach)
  return `M${a.x} ${a.y}C${a.x + out(aSide)} ${a.y} ${b.x + out(bSide)} ${b.y} ${b.x} ${b.y}`
}

function boxSvg(box: Box, colours: Colours): string {
  const { x, y, width, height } = box
  const rows = box.rows.map((row, i) => {
    const at = y + HEAD + i * ROW + ROW / 2 + 4
    const key = row.primaryKey ? ` font-weight="600"` : ''
    return (
      `<text x="${x + 10}" y="${at}" fill="${colours.quiet}" font-size="9">${row.mark}</text>` +
      `<text x="${x + 30}" y="${at}" fill="${colours.ink}"${key}>${escaped(row.name)}</text>` +
      `<text x="${x + width - 10}" y="${at}" fill="${colours.quiet}" text-anchor="end" font-size="11">${escaped(row.type)}</text>`
    )
  })
  return [
    `<g><rect x="${x}" y="${y}" width="${width}" height="${height}" rx="6" fill="${colours.surface}" stroke="${colours.line}"/>`,
    `<text x="${x + 10}" y="${y + HEAD / 2 + 5}" fill="${colours.accent}" font-weight="600" font-size="13">${escaped(box.name)}</text>`,
    ...(box.rows.length ? [`<path d="M${x} ${y + HEAD}H${x + width}" stroke="${colours.line}"/>`] : []),
    ...rows,
    '</g>',
  ].join('')
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`)
}
