/**
 * What was typed into the install page, kept in this tab, so that a reload in the middle costs little. Neither the setup
 * token nor a password nor a URL, which may hold one, is written down anywhere.
 */
export interface Draft {
  account: string
  kind: 'sqlite' | 'postgres'
  byUrl: boolean
  host: string
  port: string
  user: string
  name: string
}

const KEY = 'muster.installForm'
const EMPTY: Draft = { account: '', kind: 'sqlite', byUrl: false, host: '127.0.0.1', port: '5432', user: 'muster', name: 'muster' }

export function readDraft(): Draft {
  try {
    const read = JSON.parse(sessionStorage.getItem(KEY) ?? '{}') as Partial<Draft>
    return { ...EMPTY, ...read }
  } catch {
    return { ...EMPTY }
  }
}

export function keepDraft({ account, kind, byUrl, host, port, user, name }: Draft): void {
  sessionStorage.setItem(KEY, JSON.stringify({ account, kind, byUrl, host, port, user, name }))
}

export function forgetDraft(): void {
  sessionStorage.removeItem(KEY)
}
