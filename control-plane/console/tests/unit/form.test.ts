import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createApp, h, type App } from 'vue'
import { Problem } from '@/api/problem'
import type { FormDescription } from '@/forms/description'
import SchemaForm from '@/forms/SchemaForm.vue'
import { i18n, useLocale } from '@/i18n'

const FIELDS: FormDescription = [
  { name: 'name', input: 'text', label: 'people.username', rules: [['required'], ['length', 2, 8]] },
  { name: 'password', input: 'password', label: 'signIn.password', rules: [['required']] },
  { name: 'repeated', input: 'password', label: 'install.repeat', rules: [['confirm', 'password']], wrong: 'install.repeatWrong' },
]

let app: App | undefined
let place: HTMLElement

function mount(run: (values: { name: string; password: string; repeated: string }) => Promise<void>): void {
  app = createApp({ render: () => h(SchemaForm, { id: 'test', fields: FIELDS, initial: { name: '', password: '', repeated: '' }, action: 'Go', saved: 'Done', run } as never) })
  app.use(i18n).mount(place)
}
function type(at: number, text: string): void {
  const input = place.querySelectorAll('input')[at] as HTMLInputElement
  input.value = text
  input.dispatchEvent(new Event('input', { bubbles: true }))
}
function submit(): void {
  place.querySelector('form')?.dispatchEvent(new Event('submit', { bubbles: true, cancelable: true }))
}
const alerts = () => [...place.querySelectorAll('[role=alert]')].map((one) => one.textContent)

describe('a form', () => {
  beforeEach(async () => {
    await useLocale('en', false)
    place = document.body.appendChild(document.createElement('div'))
  })
  afterEach(() => {
    app?.unmount()
    place.remove()
  })

  it('says what is missing, in the reader’s language, and sends nothing', async () => {
    await useLocale('zh-CN', false)
    const run = vi.fn(() => Promise.resolve())
    mount(run)
    expect(alerts()).toEqual([])
    submit()
    await vi.waitFor(() => expect(alerts()).toEqual(['请填写此项。', '请填写此项。']))
    expect(run).not.toHaveBeenCalled()
  })

  it('checks what was typed, and sends it when it fits', async () => {
    const run = vi.fn(() => Promise.resolve())
    mount(run)
    type(0, 'x')
    type(1, 'one')
    type(2, 'two')
    submit()
    await vi.waitFor(() => expect(alerts()).toEqual(['Use 2 to 8 characters.', 'This is not the same password.']))
    type(0, 'xy')
    type(2, 'one')
    submit()
    await vi.waitFor(() => expect(run).toHaveBeenCalledExactlyOnceWith({ name: 'xy', password: 'one', repeated: 'one' }))
    await vi.waitFor(() => expect(place.querySelector('[role=status]')?.textContent).toBe('Done'))
  })

  it('puts what the server says of a field under it, and lets one try again', async () => {
    const run = vi
      .fn(() => Promise.resolve())
      .mockRejectedValueOnce(new Problem({ status: 422, fields: [{ field: 'name', message: 'is taken' }] }))
      .mockRejectedValueOnce(new Problem({ status: 503 }))
    mount(run)
    type(0, 'xy')
    type(1, 'one')
    type(2, 'one')
    submit()
    await vi.waitFor(() => expect(alerts()).toEqual(['is taken']))
    expect(place.querySelector('input')?.getAttribute('aria-invalid')).toBe('true')
    submit()
    await vi.waitFor(() => expect(alerts()[0]).toContain('The server is not ready'))
    submit()
    await vi.waitFor(() => expect(run).toHaveBeenCalledTimes(3))
  })
})
