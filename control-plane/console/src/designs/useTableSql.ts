import { onScopeDispose, ref, shallowRef, watch } from 'vue'
import { tableSql, type DesignSql } from './useDesigns'

/** The SQL of what is being edited, asked for when the keys rest; the last good one stays while there is none. */
export function useTableSql(text: () => string) {
  const sql = shallowRef<DesignSql | null>(null)
  const error = shallowRef<unknown>(null)
  const pending = ref(false)
  let timer: ReturnType<typeof setTimeout> | undefined
  let running: AbortController | undefined

  async function ask(): Promise<void> {
    running?.abort()
    const mine = (running = new AbortController())
    pending.value = true
    try {
      sql.value = await tableSql(text(), mine.signal)
      error.value = null
    } catch (caught) {
      if (mine.signal.aborted) return
      error.value = caught
    }
    pending.value = false
  }

  watch(
    text,
    (now) => {
      clearTimeout(timer)
      if (!now) return
      pending.value = true
      timer = setTimeout(() => void ask(), sql.value || error.value ? 400 : 0)
    },
    { immediate: true },
  )
  onScopeDispose(() => {
    clearTimeout(timer)
    running?.abort()
  })
  return { sql, error, pending }
}
