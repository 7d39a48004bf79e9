import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { documentSentences } from '@/i18n/zh-CN/documents'
import { sentences as ofSql } from '@/i18n/zh-CN/sql'
import { reader } from '@/schema/sqlSentences'

const SCHEMA = '../../shared/schema/src'
const DOCUMENTS = '../../shared/documents/src'
const sentences = [...ofSql, ...documentSentences]

/** Rust's string literals with words in them, their blanks emptied. */
function literals(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (entry.isDirectory()) return entry.name === 'tests' ? [] : literals(join(folder, entry.name))
    if (!entry.name.endsWith('.rs') || entry.name.includes('tests')) return []
    const [code = ''] = readFileSync(join(folder, entry.name), 'utf8').split('#[cfg(test)]')
    return [...code.matchAll(/\/\/[^\n]*|r#"[\s\S]*?"#|"((?:[^"\\]|\\[\s\S])*)"|'(?:\\.|[^'\\])'/g)]
      .map((match) => (match[1] ?? '').replace(/\\\s*\n\s*/g, '').replace(/\{[^}]*\}/g, '{}'))
      .filter((text) => /[a-zA-Z]{2,} [a-z]+/.test(text) && text.length < 400)
  })
}

function labels(): string[] {
  return literals(DOCUMENTS).filter((text) => readFileSync(join(DOCUMENTS, 'built_in.rs'), 'utf8').includes(`"${text}"`))
}

/** Types, and parts that are only told within others. */
const NO_SENTENCES = new Set([
  'double precision',
  'timestamp without time zone',
  'character varying',
  'is not all of lower-case letters, digits and underscores',
  'the name {} {}',
  'UPDATE overwrites',
  'DELETE deletes',
  '{} every row: its condition names no column; say which rows are meant',
  'programs that still use the old name fail from that moment on; add the new name beside it first',
  'a table is renamed: {}',
  'column {} is renamed: {}',
  ' at line ',
  'create table probe (c {});',
  'out of range either way',
  // Why something is allowed, which no person reads.
  "the statements' own names",
  'each is a property that a column has or has not',
  'serde wants it so',
  'serde asks so',
  // Labels of built-in forms, which say them in both languages themselves.
  ...labels(),
])

const say = reader(sentences)

describe('what is said of SQL', () => {
  it('is said in Chinese, whatever a rule or a risk is', () => {
    const theirs = [...literals(join(SCHEMA, 'lint')), ...literals(join(SCHEMA, 'classify')), ...literals(DOCUMENTS)].filter((text) => !NO_SENTENCES.has(text))
    expect(theirs.length).toBeGreaterThan(100)
    const known = new Set(sentences.map(([text]) => text))
    expect([...new Set(theirs)].filter((text) => !known.has(text))).toEqual([])
  })

  it('has each sentence once, and every blank in both', () => {
    expect(new Set(sentences.map(([theirs]) => theirs)).size).toBe(sentences.length)
    for (const [theirs, ours] of sentences) {
      const blanks = theirs.split('{}').length - 1
      expect([...new Set(ours.match(/\{\d\}/g) ?? [])].sort(), theirs).toEqual(Array.from({ length: blanks }, (_, n) => `{${n}}`))
    }
  })

  it('keeps the names in it', () => {
    expect(say('column price of orders and its values are gone')).toBe('orders 的列 price 及其值会丢失')
    expect(say('the name order is too long: PostgreSQL cuts it after 63 bytes')).toBe('名称 order 太长：PostgreSQL 会在 63 字节处截断')
    expect(say('DROP TABLE orders: the table and its rows is gone')).toBe('DROP TABLE orders：表及其行会丢失')
    expect(say('the index {} names $& twice')).toBe('索引 {} 两次用到 $&')
  })

  it('is the most that is known of it', () => {
    expect(say('price is money: its currency is a setting of the server; take numeric')).toBe('price 的类型是 money：它的货币取决于服务器设置；请用 numeric')
    expect(say('price is real: 0.1 + 0.2 isn’t')).toBe('price 的类型是 real：0.1 + 0.2 isn’t')
    expect(say('something that nobody said before')).toBe('something that nobody said before')
  })
})
