/** Entries whose name holds the typed letters, best first: at the start, at a word's start, anywhere, scattered. */
export function rank<T>(entries: readonly T[], typed: string, name: (entry: T) => string): T[] {
  const wanted = typed.toLowerCase()
  if (!wanted) return [...entries]
  return entries
    .map((entry, order) => ({ entry, order, score: score(name(entry).toLowerCase(), wanted) }))
    .filter((one) => one.score > 0)
    .sort((a, b) => b.score - a.score || a.order - b.order)
    .map((one) => one.entry)
}

function score(name: string, wanted: string): number {
  const at = name.indexOf(wanted)
  if (at === 0) return 4
  if (at > 0) return /[^\p{L}\p{N}]/u.test(name[at - 1] ?? '') ? 3 : 2
  let from = 0
  for (const letter of wanted) {
    const next = name.indexOf(letter, from)
    if (next < 0) return 0
    from = next + 1
  }
  return 1
}
