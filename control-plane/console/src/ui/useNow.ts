import { onScopeDispose, ref, type Ref } from 'vue'

const now = ref(Date.now())
let users = 0
let timer: ReturnType<typeof setInterval> | undefined

/** The present time, once a second, shared by everything that shows an age. */
export function useNow(): Ref<number> {
  users += 1
  timer ??= setInterval(() => (now.value = Date.now()), 1000)
  onScopeDispose(() => {
    users -= 1
    if (users === 0) {
      clearInterval(timer)
      timer = undefined
    }
  })
  return now
}
