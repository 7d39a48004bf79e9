import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createApp, h, nextTick, ref, type App } from 'vue'
import RowGrid from '@/designs/RowGrid.vue'
import { newKey, type Row } from '@/designs/rows'
import { i18n, useLocale, useMoreWords } from '@/i18n'

interface Line extends Row {
  name: string
  type: string
  on: boolean
}
const line = (name = '', type = ''): Line => ({ key: newKey(), name, type, on: false })
const FIELDS = [
  { key: 'name', title: 'Name', input: 'text' },
  { key: 'type', title: 'Type', input: 'text', list: ['int', 'text'] },
  { key: 'on', title: 'On', input: 'check' },
]

const rows = ref<Line[]>([])
let app: App | undefined
let place: HTMLElement

function mount(readonly = false): void {
  app = createApp({
    render: () => h(RowGrid as never, { modelValue: rows.value, 'onUpdate:modelValue': (next: Line[]) => (rows.value = next), fields: FIELDS, make: line, caption: 'Lines', add: 'Add a line', readonly, faults: [{ list: 'columns', key: rows.value[1]?.key, field: 'type', message: 'is no type' }] } as never),
  })
  app.use(i18n).mount(place)
}
const cell = (row: number, field: string) => place.querySelector<HTMLInputElement>(`[data-row="${rows.value[row]?.key}"] [data-field=${field}]`)!
const names = () => rows.value.map((row) => row.name)
const active = () => {
  const at = document.activeElement as HTMLElement
  const key = at.closest('[data-row]')?.getAttribute('data-row')
  return `${rows.value.findIndex((row) => row.key === key)} ${at.dataset.field}`
}
async function press(key: string, more: KeyboardEventInit = {}): Promise<boolean> {
  const event = new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true, ...more })
  document.activeElement?.dispatchEvent(event)
  await nextTick()
  await nextTick()
  return event.defaultPrevented
}
function type(text: string): void {
  const input = document.activeElement as HTMLInputElement
  input.value = text
  input.dispatchEvent(new Event('input', { bubbles: true }))
}

describe('a grid of rows', () => {
  beforeEach(async () => {
    await useLocale('en', false).then(useMoreWords)
    place = document.body.appendChild(document.createElement('div'))
    rows.value = [line('a', 'int'), line('b', 'text'), line('c', 'int')]
  })
  afterEach(() => {
    app?.unmount()
    place.remove()
  })

  it('adds a row below with Enter and goes to its name', async () => {
    mount()
    cell(0, 'type').focus()
    expect(await press('Enter')).toBe(true)
    expect(names()).toEqual(['a', '', 'b', 'c'])
    expect(active()).toBe('1 name')
    type('new')
    await nextTick()
    expect(names()).toEqual(['a', 'new', 'b', 'c'])
  })

  it('goes up and down in the same field, and stops at the ends', async () => {
    mount()
    cell(0, 'name').focus()
    await press('ArrowDown')
    expect(active()).toBe('1 name')
    await press('ArrowDown')
    await press('ArrowDown')
    expect(active()).toBe('2 name')
    await press('ArrowUp')
    expect(active()).toBe('1 name')
  })

  it('moves a row, and the cursor goes with it', async () => {
    mount()
    cell(0, 'type').focus()
    await press('ArrowDown', { altKey: true })
    expect(names()).toEqual(['b', 'a', 'c'])
    expect(active()).toBe('1 type')
    await press('ArrowUp', { altKey: true })
    expect(names()).toEqual(['a', 'b', 'c'])
  })

  it('takes a row out and goes on with the next', async () => {
    mount()
    cell(1, 'name').focus()
    await press('Delete', { altKey: true })
    expect(names()).toEqual(['a', 'c'])
    expect(active()).toBe('1 name')
    expect(await press('Delete')).toBe(false)
    expect(names()).toEqual(['a', 'c'])
  })

  it('leaves the arrows to what is suggested while one types', async () => {
    mount()
    cell(0, 'type').focus()
    type('te')
    expect(await press('ArrowDown')).toBe(false)
    expect(active()).toBe('0 type')
  })

  it('leaves Enter to an input method', async () => {
    mount()
    cell(0, 'name').focus()
    await press('Enter', { isComposing: true })
    expect(rows.value).toHaveLength(3)
  })

  it('says a fault at its cell', () => {
    mount()
    expect(cell(1, 'type').getAttribute('aria-invalid')).toBe('true')
    expect(cell(1, 'name').hasAttribute('aria-invalid')).toBe(false)
    expect(place.querySelector('[role=alert]')?.textContent).toBe('is no type')
  })

  it('that may only be looked at changes nothing', async () => {
    mount(true)
    cell(0, 'name').focus()
    await press('Enter')
    expect(rows.value).toHaveLength(3)
    expect(place.querySelector('.add')).toBeNull()
    await vi.waitFor(() => expect(cell(0, 'name').readOnly).toBe(true))
  })
})
