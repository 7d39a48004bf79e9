import { expect, it } from 'vitest'
import { asText, highlighted, KEPT, logPath, withLines, type KeptLine } from '@/containers/logLines'

const NOW = Date.parse('2026-01-31T09:30:00Z')

function line(key: number): KeptLine {
  return { key, id: String(key), at: '2026-01-31T09:30:00Z', stream: 'stdout', text: `line ${key}`, cut: false }
}

it('a log is asked for by what is chosen, and goes on after its last line', () => {
  const query = { follow: true, minutes: 5, search: 'a b' }
  expect(logPath('h', 'web 1', query, NOW)).toBe('/hosts/h/containers/web%201/log?tail=500&follow=true&since=2026-01-31T09%3A25%3A00.000Z&search=a+b')
  expect(logPath('h', 'web', { follow: false, minutes: 0, search: '' }, NOW)).toBe('/hosts/h/containers/web/log?tail=500')
  expect(logPath('h', 'web', query, NOW, '1780000000123456789')).toBe('/hosts/h/containers/web/log?tail=10000&follow=true&after=1780000000123456789&search=a+b')
})

it('the newest lines stay', () => {
  const many = Array.from({ length: KEPT }, (_, key) => line(key))
  const lines = withLines(many, [line(KEPT)])
  expect(lines).toHaveLength(KEPT)
  expect([lines[0]?.key, lines.at(-1)?.key]).toEqual([1, KEPT])
})

it('what was searched for is marked, whatever its case', () => {
  expect(highlighted('An Error, an error', 'ERROR')).toEqual(['An ', 'Error', ', an ', 'error', ''])
  expect(highlighted('nothing', '')).toEqual(['nothing'])
  expect(highlighted('İ is odd', 'odd')).toEqual(['İ is odd'])
})

it('lines are copied with their times', () => {
  expect(asText([line(1), line(2)])).toBe('2026-01-31T09:30:00Z line 1\n2026-01-31T09:30:00Z line 2')
})
