/** Names for addresses with their filters. The server keeps none: they are in this browser, an org's apart from another's. */

export const VIEW_PAGES = ['hosts', 'wall', 'compareHosts'] as const
export type ViewPage = (typeof VIEW_PAGES)[number]

export interface SavedView {
  name: string
  page: ViewPage
  query: Record<string, string>
}

/** So many names are still found again. */
export const MOST_VIEWS = 50
export const LONGEST_NAME = 60

/** What is open at the moment, and times that pass, are no part of a view. */
const PASSING = new Set(['add', 'edit', 'zoom'])

export function viewQuery(query: Readonly<Record<string, unknown>>): Record<string, string> {
  const kept = Object.entries(query).flatMap(([key, value]): [string, string][] => (typeof value === 'string' && value !== '' && !PASSING.has(key) ? [[key, value]] : []))
  return Object.fromEntries(kept.sort(([a], [b]) => (a < b ? -1 : 1)))
}

export function sameQuery(a: Record<string, string>, b: Record<string, string>): boolean {
  return JSON.stringify(viewQuery(a)) === JSON.stringify(viewQuery(b))
}

/** With the view, in the order of names; one of the same name on the same page is replaced. */
export function withView(views: readonly SavedView[], view: SavedView): SavedView[] {
  return [...withoutView(views, view), view].sort((a, b) => a.name.localeCompare(b.name)).slice(0, MOST_VIEWS)
}

export function withoutView(views: readonly SavedView[], view: Pick<SavedView, 'name' | 'page'>): SavedView[] {
  return views.filter((one) => one.name !== view.name || one.page !== view.page)
}

/** What another version of the console, or a person, may have put there is left out. */
export function readViews(text: string | null): SavedView[] {
  let found: unknown
  try {
    found = JSON.parse(text ?? '[]')
  } catch {
    return []
  }
  if (!Array.isArray(found)) return []
  return found.flatMap((one: unknown): SavedView[] => {
    const { name, page, query } = (one ?? {}) as Partial<SavedView>
    if (typeof name !== 'string' || !name || !VIEW_PAGES.some((known) => known === page) || typeof query !== 'object' || query === null) return []
    return [{ name: name.slice(0, LONGEST_NAME), page: page as ViewPage, query: viewQuery(query) }]
  })
}
