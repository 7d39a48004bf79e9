import type { Page } from './page'

/** So many pages of 500 and no more: what is longer is not for looking at all at once. */
const MOST = 20

/** All of a list that has no search of its own and is short enough to be looked at as a whole. */
export async function everyPage<T>(fetchPage: (cursor: string | undefined) => Promise<Page<T>>): Promise<T[]> {
  const all: T[] = []
  let cursor: string | undefined
  for (let page = 0; page < MOST; page += 1) {
    const { items, nextCursor } = await fetchPage(cursor)
    all.push(...items)
    if (!nextCursor) break
    cursor = nextCursor
  }
  return all
}
