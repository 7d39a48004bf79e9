import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { baseCompile } from '@intlify/message-compiler'
import { describe, expect, it } from 'vitest'
import first from '@/i18n/en'
import more from '@/i18n/en/more'
import firstChinese from '@/i18n/zh-CN'
import moreChinese from '@/i18n/zh-CN/more'

type Tree = { [key: string]: string | Tree }

function flat(tree: Tree, prefix = ''): Map<string, string> {
  const found = new Map<string, string>()
  for (const [key, value] of Object.entries(tree)) {
    if (typeof value === 'string') found.set(prefix + key, value)
    else for (const [inner, text] of flat(value, `${prefix}${key}.`)) found.set(inner, text)
  }
  return found
}

const english = flat({ ...first, ...more } as Tree)
const chinese = flat({ ...firstChinese, ...moreChinese } as unknown as Tree)

function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return entry.name === 'i18n' ? [] : sources(path)
    return /\.(vue|ts)$/.test(entry.name) ? [path] : []
  })
}

const code = sources('src').map((path) => readFileSync(path, 'utf8')).join('\n')

describe('words', () => {
  it('exist in both languages', () => {
    expect([...chinese.keys()].sort()).toEqual([...english.keys()].sort())
  })

  it('have the same blanks in both languages', () => {
    const blanks = (text: string | undefined) => [...new Set(text?.match(/\{\w+\}/g) ?? [])].sort()
    for (const [key, text] of english) expect(blanks(chinese.get(key)), key).toEqual(blanks(text))
  })

  it('are there for every name in the code', () => {
    const used = [...code.matchAll(/\bt\(\s*'([\w.-]+)'/g), ...code.matchAll(/\b(?:label|hint|wrong|title): '(\w+\.[\w.-]+)'/g)].map((match) => match[1] ?? '')
    expect(used.length).toBeGreaterThan(100)
    expect(used.filter((key) => !english.has(key))).toEqual([])
  })

  it('are there for every name that is put together', () => {
    const prefixes = [...code.matchAll(/\bt\(\s*`([\w.-]+)\.\$\{/g)].map((match) => match[1] ?? '')
    const known = [...english.keys()]
    expect(prefixes.filter((prefix) => !known.some((key) => key.startsWith(`${prefix}.`)))).toEqual([])
  })

  it('are there for every operation and object kind of the server', () => {
    const table = readFileSync('../src/access/operation.rs', 'utf8')
    const codes = [...table.matchAll(/^ {4}\w+ "(\w+):(\w+)"/gm)].map((match) => `operations.${match[1]}_${match[2]}`)
    expect(codes.length).toBeGreaterThan(30)
    expect(codes.filter((key) => !english.has(key))).toEqual([])
  })

  it('can be said: nothing in them is mistaken for syntax', () => {
    const broken = [...english, ...chinese].filter(([, text]) => {
      let failed = false
      baseCompile(text, { onError: () => (failed = true) })
      return failed
    })
    expect(broken).toEqual([])
  })

  it('are all used', () => {
    const used = new Set([...code.matchAll(/'([a-zA-Z]\w*(?:\.[\w-]+)+)'/g)].map((match) => match[1]))
    const prefixes = [...code.matchAll(/`([\w.-]+)\.\$\{/g)].map((match) => `${match[1]}.`)
    const idle = [...english.keys()].filter((key) => !used.has(key) && !prefixes.some((prefix) => key.startsWith(prefix)))
    expect(idle).toEqual([])
  })

  it('of Chinese are Chinese', () => {
    const same = [...english].filter(([key, text]) => chinese.get(key) === text && /[a-z]{4}/.test(text.replace(/Webhook|Muster/, '')))
    expect(same.map(([key]) => key)).toEqual([])
  })
})
