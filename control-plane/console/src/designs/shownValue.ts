/** A value of a document in one line, as YAML would have it; ids say nothing to people. */
export function shownValue(value: unknown, inside = false): string {
  if (typeof value === 'string') return inside && /[,:{}[\]]/.test(value) ? JSON.stringify(value) : value
  if (Array.isArray(value)) return `[${value.map((one) => shownValue(one, true)).join(', ')}]`
  if (typeof value !== 'object' || value === null) return String(value)
  const entries = Object.entries(value).filter(([key]) => key !== 'id')
  const name = entries.findIndex(([key]) => key === 'name')
  if (name > 0) entries.unshift(...entries.splice(name, 1))
  const text = entries.map(([key, one]) => `${key}: ${shownValue(one, true)}`).join(', ')
  return inside ? `{${text}}` : text
}
