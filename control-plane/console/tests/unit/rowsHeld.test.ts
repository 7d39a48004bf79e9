import { describe, expect, it } from 'vitest'
import { sentences } from '@/i18n/zh-CN/sql'
import { ROWS, numberOf } from '@/schema/rowLimits'
import { reader } from '@/schema/sqlSentences'
import { changedOf, type LintRule } from '@/schema/useLintRules'

describe('what holds changes of rows in', () => {
  it('is 1 to 1,000,000,000 rows, or any number', () => {
    for (const good of ['', ' ', '1', '999999999', '1000000000', ' 30 ']) expect(ROWS.test(good), good).toBe(true)
    for (const wrong of ['0', '1000000001', '-1', '1.5', 'x']) expect(ROWS.test(wrong), wrong).toBe(false)
    expect([numberOf(' '), numberOf(' 30 ')]).toEqual([null, 30])
  })

  it('is said in Chinese where it is not possible', () => {
    expect(reader(sentences)('no backup possible: it joins other tables (USING)')).toBe('无法备份：它连接了其他表（USING）')
  })
})

describe('lint’s rules of an environment', () => {
  const rules: LintRule[] = [
    { name: 'a', level: 'warning', canBeOff: true },
    { name: 'b', level: 'off', canBeOff: true },
  ]

  it('are kept where they differ from what is usual', () => {
    expect(changedOf(rules, { a: 'warning', b: 'error' })).toEqual({ b: 'error' })
    expect(changedOf(rules, { a: 'off', gone: 'error' })).toEqual({ a: 'off' })
  })
})
