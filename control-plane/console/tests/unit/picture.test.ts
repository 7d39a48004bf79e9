import { describe, expect, it, vi } from 'vitest'
import { createApp, h, nextTick, ref, type VNode } from 'vue'
import { isPictureAddress } from '@/forms/description'
import ImageField from '@/forms/ImageField.vue'
import SchemaForm from '@/forms/SchemaForm.vue'
import { i18n, useLocale, useMoreWords } from '@/i18n'

function mount(render: () => VNode, place: HTMLElement): () => void {
  const app = createApp({ render })
  app.use(i18n).mount(place)
  return () => {
    app.unmount()
    place.remove()
  }
}

describe('a picture', () => {
  it('may be an https address, and nothing else that a browser would follow', () => {
    for (const good of ['https://example.com', 'https://example.com/a.png?x=1']) expect(isPictureAddress(good), good).toBe(true)
    for (const bad of ['http://example.com/a.png', 'javascript:alert(1)', 'https://', 'https://a b', `https://a/${'x'.repeat(2048)}`]) expect(isPictureAddress(bad), bad).toBe(false)
  })
  it('is told when its address is complete, and without saying where it is shown', async () => {
    await useLocale('en', false)
    await useMoreWords()
    const place = document.body.appendChild(document.createElement('div'))
    const value = ref('')
    const leave = mount(() => h(ImageField, { label: 'Picture', modelValue: value.value, 'onUpdate:modelValue': (now: string) => (value.value = now) }), place)
    const box = place.querySelector<HTMLInputElement>('[aria-label="Picture: address"]') as HTMLInputElement
    const enter = async (text: string) => {
      box.value = text
      box.dispatchEvent(new Event('input', { bubbles: true }))
      await nextTick()
      box.dispatchEvent(new Event('change', { bubbles: true }))
      await nextTick()
    }
    await enter('http://example.com/a.png')
    expect(value.value).toBe('')
    expect(place.querySelector('[role=alert]')?.textContent).toContain('https://')
    await enter('https://example.com/a.png')
    expect(value.value).toBe('https://example.com/a.png')
    expect(place.querySelector('img')?.getAttribute('referrerpolicy')).toBe('no-referrer')
    leave()
  })
  it('is not saved as it was while something wrong stands for it', async () => {
    await useLocale('en', false)
    await useMoreWords()
    const place = document.body.appendChild(document.createElement('div'))
    const run = vi.fn(() => Promise.resolve())
    const fields = [{ name: 'logo', input: 'image', label: 'org.logo' }]
    const leave = mount(() => h(SchemaForm, { id: 'test', fields, initial: { logo: 'https://example.com/old.png' }, action: 'Save', run } as never), place)
    const box = place.querySelector<HTMLInputElement>('[aria-label$=": address"]') as HTMLInputElement
    // As Enter does: the change, and the form at once after it.
    const enter = async (text: string) => {
      box.value = text
      box.dispatchEvent(new Event('input', { bubbles: true }))
      await nextTick()
      box.dispatchEvent(new Event('change', { bubbles: true }))
      place.querySelector('form')?.dispatchEvent(new Event('submit', { bubbles: true, cancelable: true }))
    }
    await enter('http://example.com/new.png')
    await vi.waitFor(() => expect(document.activeElement === box).toBe(true))
    expect(place.querySelector('[role=alert]')?.textContent).toContain('https://')
    expect(run).not.toHaveBeenCalled()
    await enter('https://example.com/new.png')
    await vi.waitFor(() => expect(run).toHaveBeenCalledExactlyOnceWith({ logo: 'https://example.com/new.png' }))
    leave()
  })
})
