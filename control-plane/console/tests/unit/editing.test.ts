import { beforeEach, describe, expect, it, vi } from 'vitest'
import { effectScope, nextTick, ref, shallowRef } from 'vue'
import { Problem } from '@/api/problem'
import { docYaml, type Doc } from '@/designs/doc'
import * as api from '@/designs/useDesigns'
import { useEditing } from '@/designs/useEditing'

vi.mock('@/designs/useDesigns', () => ({ applyText: vi.fn(), fetchDocument: vi.fn(), fetchDiff: vi.fn() }))

const doc = (comment: string, type = 'text'): Doc => ({ kind: 'TableSnapshot', name: 't', label: '', spec: { database: 'shop', comment, columns: [{ id: '1', name: 'a', dataType: type }] } })
const detail = (of: Doc, revision: number) => ({ id: 'doc', yaml: docYaml(of), revision, updatedBy: 'bob' }) as api.DocumentDetail

function editor(of: Doc, revision: number) {
  const seen = shallowRef(detail(of, revision))
  const mine = ref<Doc>()
  const editing = effectScope().run(() => useEditing({ id: () => 'doc', detail: () => seen.value, mine: () => mine.value, show: (next) => (mine.value = next), key: () => 'kept' }))!
  return { seen, mine, editing }
}

describe('editing a document', () => {
  beforeEach(() => {
    sessionStorage.clear()
    vi.resetAllMocks()
  })

  it('says what revision it was made from, and goes on from the one that it became', async () => {
    const { mine, editing } = editor(doc('one'), 4)
    expect(editing.dirty.value).toBe(false)
    mine.value = { ...doc('two'), name: 'u' }
    expect(editing.dirty.value).toBe(true)
    vi.mocked(api.applyText).mockResolvedValue([{ id: 'doc', kind: 'TableSnapshot', name: 'u', revision: 5, change: 'changed', draft: false }])
    vi.mocked(api.fetchDocument).mockResolvedValue(detail({ ...doc('two'), name: 'u' }, 5))
    await editing.save()
    expect(JSON.parse(vi.mocked(api.applyText).mock.calls[0]![0]).metadata).toEqual({ name: 'u', renamedFrom: 't', revision: 4 })
    expect([editing.revision.value, editing.dirty.value]).toEqual([5, false])
  })

  it('shows what others changed, and puts mine on top of it', async () => {
    const { seen, mine, editing } = editor(doc('one'), 4)
    mine.value = doc('one', 'int')
    vi.mocked(api.applyText).mockRejectedValue(new Problem({ status: 409, type: 'stale-revision' }))
    vi.mocked(api.fetchDocument).mockResolvedValue(detail(doc('theirs'), 6))
    const changes = [{ path: 'comment', before: 'one', after: 'theirs' }] as unknown as api.FieldChange[]
    vi.mocked(api.fetchDiff).mockResolvedValue({ from: 4, to: 6, changes })
    await editing.save()
    expect(api.fetchDiff).toHaveBeenCalledWith('doc', 4, 6)
    expect(editing.conflict.value?.changes).toEqual(changes)
    expect(editing.conflict.value?.merged.clashes).toEqual([])
    editing.settle('mine')
    expect(mine.value).toEqual(doc('theirs', 'int'))
    expect([editing.revision.value, editing.dirty.value, editing.conflict.value]).toEqual([6, true, null])
    seen.value = detail(doc('theirs'), 6)
    await nextTick()
    expect(mine.value).toEqual(doc('theirs', 'int'))
  })

  it('takes theirs if one wants that', async () => {
    const { mine, editing } = editor(doc('one'), 4)
    mine.value = doc('mine')
    vi.mocked(api.fetchDocument).mockResolvedValue(detail(doc('theirs'), 5))
    vi.mocked(api.fetchDiff).mockResolvedValue({ from: 4, to: 5, changes: [] })
    await editing.compare()
    expect(editing.conflict.value?.merged.clashes.map((one) => one.path)).toEqual(['comment'])
    editing.settle('theirs')
    expect([mine.value, editing.dirty.value]).toEqual([doc('theirs'), false])
  })

  it('follows the server while nothing is unsaved, and only says so when something is', async () => {
    const { seen, mine, editing } = editor(doc('one'), 4)
    seen.value = detail(doc('two'), 5)
    await nextTick()
    expect([mine.value, editing.behind.value]).toEqual([doc('two'), false])
    mine.value = doc('mine')
    seen.value = detail(doc('three'), 6)
    await nextTick()
    expect([mine.value, editing.behind.value, editing.revision.value]).toEqual([doc('mine'), true, 5])
  })

  it('keeps what is not saved for the tab, with what it was made from', async () => {
    const first = editor(doc('one'), 4)
    first.mine.value = doc('mine')
    await nextTick()
    const second = editor(doc('two'), 5)
    expect([second.mine.value, second.editing.revision.value, second.editing.behind.value]).toEqual([doc('mine'), 4, true])
    second.editing.discard()
    await nextTick()
    expect([second.mine.value, second.editing.dirty.value, sessionStorage.getItem('kept')]).toEqual([doc('two'), false, null])
  })

  it('says why it was not saved', async () => {
    const { mine, editing } = editor(doc('one'), 4)
    mine.value = doc('mine')
    const wrong = new Problem({ status: 422, fields: [{ field: 'spec', message: 'no' }] })
    vi.mocked(api.applyText).mockRejectedValue(wrong)
    expect(await editing.save()).toBeUndefined()
    expect([editing.failure.value, editing.dirty.value]).toEqual([wrong, true])
  })
})
