import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import en from '@/i18n/en'
import { said } from '@/inbox/messageText'

describe('messages', () => {
  it('are said by their code, in the reader’s language', () => {
    expect(said({ code: 'rejected', params: { org: 'Acme', reason: 'which team?' } })).toEqual({ key: 'inbox.says.rejected', blanks: { org: 'Acme', reason: 'which team?' } })
  })

  it('that have no code or a new one stay as the server wrote them', () => {
    expect(said({ code: '', params: {} })).toBeUndefined()
    expect(said({ code: 'diskIsFull', params: { host: 'db-1' } })).toBeUndefined()
  })

  it('are all known that the server writes, with the blanks that it fills', () => {
    const source = readFileSync('../src/access/words.rs', 'utf8')
    const codes = [...source.matchAll(/Self::\w+ \{ \.\. \} => "(\w+)"/g)].map((match) => match[1] ?? '')
    expect(codes.length).toBeGreaterThan(4)
    const words: Record<string, string> = en.inbox.says
    for (const code of codes) {
      expect(said({ code, params: {} })?.key, code).toBe(`inbox.says.${code}`)
      for (const [, blank] of (words[code] ?? '').matchAll(/\{(\w+)\}/g)) expect(source, `${code}: ${blank}`).toContain(`"${blank}"`)
    }
  })
})
