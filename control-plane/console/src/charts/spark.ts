export type SparkPoint = [timeMs: number, value: number]

interface Box {
  from: number
  to: number
  max?: number
  width: number
  height: number
  stepMs: number
}

/** SVG paths of a sparkline; where points are more than two and a half steps apart the line is broken. */
export function sparkPath(points: SparkPoint[], box: Box): { line: string; area: string } {
  const inside = points.filter(([time]) => time >= box.from && time <= box.to)
  if (inside.length === 0 || box.to <= box.from) return { line: '', area: '' }
  const top = Math.max(box.max ?? 0, ...(box.max === undefined ? inside.map(([, value]) => value) : []), 1e-9)
  const x = (time: number) => round(((time - box.from) / (box.to - box.from)) * box.width)
  const y = (value: number) => round(box.height - 1 - Math.min(1, Math.max(0, value / top)) * (box.height - 2))

  const runs: SparkPoint[][] = []
  let before = -Infinity
  for (const point of inside) {
    if (point[0] - before > box.stepMs * 2.5) runs.push([])
    runs.at(-1)?.push(point)
    before = point[0]
  }
  const line = runs.map((run) => run.map(([t, v], i) => `${i ? 'L' : 'M'}${x(t)} ${y(v)}`).join('')).join('')
  const area = runs
    .filter((run) => run.length > 1)
    .map((run) => {
      const first = run[0] as SparkPoint
      const last = run.at(-1) as SparkPoint
      const edge = run.map(([t, v]) => `L${x(t)} ${y(v)}`).join('')
      return `M${x(first[0])} ${box.height}${edge}L${x(last[0])} ${box.height}Z`
    })
    .join('')
  return { line, area }
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
