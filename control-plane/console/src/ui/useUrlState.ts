import { computed, type WritableComputedRef } from 'vue'
import { useRoute, useRouter } from 'vue-router'

/** What was asked for and is not in the address yet: changes at once must not overwrite each other. */
const ahead = new Map<string, string>()
let scheduled = false

/** A piece of page state that lives in the address, so that it survives a reload and can be sent to a colleague. */
export function useUrlState(name: string, fallback = ''): WritableComputedRef<string> {
  const route = useRoute()
  const router = useRouter()

  async function write(): Promise<void> {
    scheduled = false
    const written = [...ahead]
    const query = { ...route.query }
    for (const [key, value] of written) {
      if (value === '') delete query[key]
      else query[key] = value
    }
    await router.replace({ query, hash: route.hash })
    for (const [key, value] of written) if (ahead.get(key) === value) ahead.delete(key)
  }

  return computed({
    get: () => {
      const value = route.query[name]
      return typeof value === 'string' ? value : fallback
    },
    set: (value) => {
      ahead.set(name, value === fallback ? '' : value)
      if (scheduled) return
      scheduled = true
      queueMicrotask(() => void write())
    },
  })
}
