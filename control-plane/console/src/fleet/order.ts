/** The order of things that have a number for it. */

interface Ordered {
  id: string
  order: number
}

/** What is to be changed so that the one at `at` stands `by` places further. Numbers may have been the same before. */
export function moved<T extends Ordered>(all: readonly T[], at: number, by: number): { id: string; order: number }[] {
  const to = at + by
  const next = [...all]
  const [one] = next.splice(at, 1)
  if (!one || to < 0 || to >= all.length) return []
  next.splice(to, 0, one)
  return next.map(({ id }, order) => ({ id, order })).filter(({ id, order }) => all.find((before) => before.id === id)?.order !== order)
}

/** Behind all of them. */
export function lastOrder(all: readonly Ordered[]): number {
  return Math.max(-1, ...all.map((one) => one.order)) + 1
}
