import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { problemFrom } from '@/api/problem'
import { i18n, useLocale } from '@/i18n'
import en from '@/i18n/en'
import { fieldTexts, problemLine } from '@/ui/problemText'

const { t } = i18n.global

/** The server's sources, without its tests. */
function sources(folder: string): string {
  return readdirSync(folder, { withFileTypes: true })
    .map((entry) => {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) return entry.name === 'tests' ? '' : sources(path)
      return entry.name.endsWith('.rs') ? (readFileSync(path, 'utf8').split('#[cfg(test)]')[0] ?? '') : ''
    })
    .join('\n')
}
const server = sources('../src')
const codes = (pattern: RegExp) => [...new Set([...server.matchAll(pattern)].map((match) => match[1] ?? ''))]

function invalid(error: object) {
  return problemFrom(422, { type: 'invalid', title: 'Invalid input', detail: 'x', errors: [error] })
}

describe('a problem', () => {
  beforeAll(() => useLocale('zh-CN', false))

  it('is said in the reader’s language by its type', () => {
    expect(problemLine(t, problemFrom(409, { type: 'has-totp', title: 'Conflict', detail: 'an authenticator app is set up already' }))).toBe('内容已发生变化 – 已设置身份验证器，请先停用。')
    expect(problemLine(t, problemFrom(403, { type: 'only-looks', title: 'Not allowed', detail: 'operators only look' }))).toContain('操作员仅可查看')
  })

  it('names the permission that is missing', () => {
    expect(problemLine(t, problemFrom(403, { type: 'forbidden', title: 'Not allowed', detail: 'you need the permission host:write', operation: 'host:write' }))).toContain('修改主机')
    // Not one that this console knows.
    expect(problemLine(t, problemFrom(403, { type: 'forbidden', title: 'Not allowed', detail: 'you need the permission cat:feed', operation: 'cat:feed' }))).toContain('cat:feed')
  })

  it('of a type that is new stays in the server’s words', () => {
    expect(problemLine(t, problemFrom(409, { type: 'moon-is-full', title: 'Conflict', detail: 'the moon is full' }))).toContain('the moon is full')
  })

  it('says what is wrong with each field', () => {
    expect(fieldTexts(t, invalid({ field: 'name', message: 'must have 1 to 64 characters', code: 'length', params: { least: '1', most: '64' } }))).toEqual({ name: '请输入 1 到 64 个字符。' })
    expect(fieldTexts(t, invalid({ field: 'sql', message: 'line 3 can’t be read', code: 'invalid', params: {} }))).toEqual({ sql: 'line 3 can’t be read' })
    expect(fieldTexts(t, invalid({ field: 'name', message: 'is odd' }))).toEqual({ name: 'is odd' })
    expect(fieldTexts(t, new Error('something else'))).toEqual({})
  })

  it('survives an answer that is no problem document', () => {
    expect(problemFrom(502, '<html>').status).toBe(502)
    expect(problemFrom(502, '<html>').isRetryable).toBe(true)
  })
})

describe('words', () => {
  it('are there for every type of conflict that has one meaning', () => {
    const found = codes(/(?:Self::conflict|Error::conflict|in_the_way)\(\s*"([a-z-]+)"/g).concat(codes(/Conflict \{\s*code: "([a-z-]+)"/g))
    expect(found.length).toBeGreaterThan(35)
    // What stopped a deployment is told by whatever stopped it.
    expect(found.filter((code) => !(code in en.conflicts) && code !== 'deployment-stopped')).toEqual([])
  })

  it('are there for every refusal', () => {
    const found = codes(/denied\(\s*"([a-z-]+)"/g)
    expect(found.length).toBeGreaterThan(10)
    expect(found.filter((code) => !(code in en.denials))).toEqual([])
  })

  it('are there for every flaw of a field, with its blanks', () => {
    const source = readFileSync('../src/flaw.rs', 'utf8')
    const found = [...source.matchAll(/^ {4}\w+(?:\(.*\))? "([a-z-]+)"/gm)].map((match) => match[1] ?? '')
    expect(found.length).toBeGreaterThan(20)
    expect(found.sort()).toEqual(Object.keys(en.flaws).sort())
    for (const text of Object.values(en.flaws)) for (const [, blank] of text.matchAll(/\{(\w+)\}/g)) expect(source).toMatch(new RegExp(`[(, ]${blank}: `))
  })
})
