import { computed, ref, watch } from 'vue'
import { useI18n } from 'vue-i18n'
import { asProblem } from '@/api/problem'
import { problemLine } from '@/ui/problemText'
import { changes, type Draft, type MatrixColumn } from './matrix'

function stored(key: string): Draft {
  try {
    return JSON.parse(sessionStorage.getItem(key) ?? '{}') as Draft
  } catch {
    return {}
  }
}

/** Unsaved marks of a matrix: they survive a reload, and are saved column by column. */
export function useDraft(key: string, columns: () => MatrixColumn[], saveOne: (id: string, operations: string[]) => Promise<unknown>, after: () => Promise<unknown>) {
  const { t } = useI18n()
  const draft = ref<Draft>(stored(key))
  const busy = ref(false)
  const failure = ref('')
  const done = ref(false)
  const count = computed(() => changes(columns(), draft.value))
  watch(draft, (next) => {
    sessionStorage.setItem(key, JSON.stringify(next))
    if (Object.keys(next).length) done.value = false
  })

  async function save(): Promise<void> {
    busy.value = true
    failure.value = ''
    try {
      for (const column of columns()) {
        const operations = draft.value[column.id]
        if (!operations) continue
        await saveOne(column.id, operations)
        draft.value = Object.fromEntries(Object.entries(draft.value).filter(([id]) => id !== column.id))
      }
      done.value = true
    } catch (error) {
      failure.value = problemLine(t, asProblem(error))
    } finally {
      busy.value = false
      await after()
    }
  }
  function reset(): void {
    draft.value = {}
    failure.value = ''
  }
  return { draft, busy, failure, done, count, save, reset }
}
