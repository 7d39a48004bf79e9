import type { Message } from './useInbox'

/**
 * The server writes a message once, as a sentence. These are the sentences that it writes, so that each reader gets
 * them in their own language; one that is not among them is shown as it is.
 */
const SENTENCES: readonly [key: string, pattern: RegExp, blanks: readonly string[]][] = [
  ['inbox.says.wantsToJoin', /^(\S+) wants to join (.+)$/s, ['name', 'org']],
  ['inbox.says.letIn', /^you are a member of (.+) now$/s, ['org']],
  ['inbox.says.rejected', /^(.+?) did not let you in: (.+)$/s, ['org', 'reason']],
  ['inbox.says.accepted', /^(\S+) accepted an invitation into (.+)$/s, ['name', 'org']],
  ['inbox.says.orgChanged', /^the profile of (.+) was changed$/s, ['org']],
]

export interface Said {
  key: string
  blanks: Record<string, string>
}

export function said(content: string): Said | undefined {
  for (const [key, pattern, blanks] of SENTENCES) {
    const match = pattern.exec(content)
    if (match) return { key, blanks: Object.fromEntries(blanks.map((blank, i) => [blank, match[i + 1] ?? ''])) }
  }
  return undefined
}

export type MessageButton = 'review' | 'resubmit' | 'enter' | 'view'

/** The button that a message offers, by the server's code. */
export function buttonOf(message: Message): MessageButton | undefined {
  return (['review', 'resubmit', 'enter', 'view'] as const)[message.subMode]
}

const MODES: Record<number, string> = { 1: 'join', 2: 'orgChanged', 3: 'approval', 4: 'alert', 5: 'deployment' }

export function modeOf(message: Message): string {
  return MODES[message.mode] ?? 'other'
}
