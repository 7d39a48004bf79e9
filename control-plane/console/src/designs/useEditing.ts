/**
 * A document that is being edited: what it was when it was read, what is mine now, and what others made of it
 * meanwhile. What is not saved is kept for the tab, with what it was made from.
 */
import { computed, ref, shallowRef, watch } from 'vue'
import { asProblem } from '@/api/problem'
import { readDoc, sameDoc, wholeDoc, type Doc } from './doc'
import { mergeDocs, type Merged } from './merge'
import { applyText, fetchDiff, fetchDocument, type Applied, type DocumentDetail, type FieldChange } from './useDesigns'

export interface Conflict {
  latest: DocumentDetail
  theirs: Doc
  /** What they changed since the revision that mine was made from. */
  changes: FieldChange[]
  merged: Merged
}

interface Kept {
  revision: number
  base: Doc
  mine: Doc
}

interface Editor {
  /** Empty for what is new. */
  id: () => string
  detail: () => DocumentDetail | undefined
  /** What is new begins with this. */
  blank?: Doc
  /** What stands in the editor; nothing while it can't be read. */
  mine: () => Doc | undefined
  show: (doc: Doc) => void
  /** Where unsaved changes are kept. */
  key: () => string
}

export function useEditing(editor: Editor) {
  const base = shallowRef<Doc | null>(null)
  const revision = ref(0)
  const conflict = shallowRef<Conflict | null>(null)
  const failure = shallowRef<unknown>(null)
  const saving = ref(false)
  const dirty = computed(() => {
    const mine = editor.mine()
    return base.value !== null && (mine === undefined || !sameDoc(base.value, mine))
  })
  /** Somebody saved a later revision than mine was made from. */
  const behind = computed(() => (editor.detail()?.revision ?? 0) > revision.value && base.value !== null && editor.id() !== '')

  function begin(doc: Doc, from: number, mine = doc): void {
    base.value = doc
    revision.value = from
    editor.show(mine)
  }

  function kept(): Kept | undefined {
    try {
      return (JSON.parse(sessionStorage.getItem(editor.key()) ?? 'null') as Kept | null) ?? undefined
    } catch {
      return undefined
    }
  }

  watch(
    () => editor.detail(),
    (detail) => {
      if (detail && base.value === null) {
        const old = kept()
        if (old) begin(old.base, old.revision, old.mine)
        else begin(readDoc(detail.yaml), detail.revision)
      } else if (detail && detail.revision > revision.value && !dirty.value) begin(readDoc(detail.yaml), detail.revision)
    },
    { immediate: true },
  )
  if (editor.blank && base.value === null) {
    const old = kept()
    begin(editor.blank, 0, old?.mine)
  }

  watch(
    () => editor.mine(),
    (mine) => {
      if (!base.value || mine === undefined) return
      if (dirty.value) sessionStorage.setItem(editor.key(), JSON.stringify({ revision: revision.value, base: base.value, mine } satisfies Kept))
      else sessionStorage.removeItem(editor.key())
    },
    { deep: true },
  )

  /** The text that is sent; a new name says what it was called before. */
  function text(withRevision = true): string {
    const mine = editor.mine()
    if (!mine) return ''
    const renamedFrom = revision.value > 0 ? base.value?.name : undefined
    return JSON.stringify(wholeDoc(mine, { renamedFrom, ...(withRevision ? { revision: revision.value } : {}) }))
  }

  /** What was applied; nothing if it was not. */
  async function save(): Promise<Applied | undefined> {
    if (saving.value || !editor.mine()) return undefined
    saving.value = true
    failure.value = null
    try {
      const [applied] = await applyText(text())
      if (applied?.id) {
        sessionStorage.removeItem(editor.key())
        const latest = await fetchDocument(applied.id)
        begin(readDoc(latest.yaml), latest.revision)
      }
      return applied
    } catch (error) {
      if (asProblem(error).code === 'stale-revision' && editor.id()) await compare()
      else failure.value = error
      return undefined
    } finally {
      saving.value = false
    }
  }

  /** Reads what others made of it, and puts mine on top, for a person to look at. */
  async function compare(): Promise<void> {
    const [mine, before] = [editor.mine(), base.value]
    if (!mine || !before) return
    try {
      const latest = await fetchDocument(editor.id())
      const { changes } = await fetchDiff(editor.id(), revision.value, latest.revision)
      const theirs = readDoc(latest.yaml)
      conflict.value = { latest, theirs, changes, merged: mergeDocs(before, mine, theirs) }
    } catch (error) {
      failure.value = error
    }
  }

  function settle(how: 'theirs' | 'mine'): void {
    const seen = conflict.value
    if (!seen) return
    conflict.value = null
    failure.value = null
    begin(seen.theirs, seen.latest.revision, how === 'mine' ? seen.merged.doc : seen.theirs)
  }

  function discard(): void {
    failure.value = null
    sessionStorage.removeItem(editor.key())
    const detail = editor.detail()
    if (detail) begin(readDoc(detail.yaml), detail.revision)
    else if (editor.blank) begin(editor.blank, 0)
  }

  return { base, revision, dirty, behind, conflict, failure, saving, save, compare, settle, discard, text }
}
