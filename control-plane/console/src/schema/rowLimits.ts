/** How many rows a statement may touch, as people write it: 1 to 1,000,000,000, or nothing. */
export const ROWS = /^\s*(?:[1-9]\d{0,8}|1000000000)?\s*$/

/** A number, or nothing. */
export function numberOf(text: string): number | null {
  const digits = text.trim()
  return digits === '' ? null : Number(digits)
}
