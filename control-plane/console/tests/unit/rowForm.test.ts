import { beforeEach, describe, expect, it, vi } from 'vitest'
import { ref, type Ref } from 'vue'
import { useRowForm } from '@/forms/useRowForm'

let address: Ref<string>
vi.mock('@/ui/useUrlState', () => ({ useUrlState: () => address }))

describe('the form of a list', () => {
  const may = ref(true)
  const closed = vi.fn()
  beforeEach(() => {
    address = ref('')
    may.value = true
    closed.mockClear()
  })
  const make = () => useRowForm<{ name: string }>(() => may.value, closed)

  it('is for a new row by the address, or for one that is there', () => {
    const list = make()
    expect(list.open.value).toBe(false)
    list.add()
    expect([address.value, list.open.value, list.edited.value]).toEqual(['1', true, undefined])
    list.open.value = false
    expect([address.value, list.open.value]).toEqual(['', false])
    list.edited.value = { name: 'a' }
    expect(list.open.value).toBe(true)
    list.open.value = false
    expect(list.edited.value).toBeUndefined()
    expect(closed).toHaveBeenCalledTimes(2)
  })

  it('stays closed to whoever may only look', () => {
    may.value = false
    address.value = '1'
    expect(make().open.value).toBe(false)
  })

  it('asks before a row is removed', () => {
    const list = make()
    list.doomed.value = { name: 'a' }
    expect(list.removing.value).toBe(true)
    list.removing.value = false
    expect(list.doomed.value).toBeUndefined()
  })
})
