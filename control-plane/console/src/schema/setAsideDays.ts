/** For how many days what goes is set aside, as people write it: 1 to 365, or nothing. */
export const DAYS = /^\s*(?:[1-9]\d?|[12]\d\d|3[0-5]\d|36[0-5])?\s*$/

export function daysOf(text: string): number | null {
  const days = text.trim()
  return days === '' ? null : Number(days)
}
