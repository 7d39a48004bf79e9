import { onScopeDispose, ref, watch, type Ref } from 'vue'
import { withOrg } from './http'

export type StreamState = 'idle' | 'connecting' | 'open' | 'reconnecting' | 'ended'

const FIRST_RETRY_MS = 500
const LAST_RETRY_MS = 15_000

/**
 * Server-sent events that come back by themselves. The browser's own retry gives up on an HTTP error, so this one opens
 * a new stream; `lastId` lets the server go on where the old one broke.
 */
export function useEventStream(
  path: () => string | null,
  events: readonly string[],
  on: (event: { name: string; data: string; id: string }) => void,
): { state: Ref<StreamState>; end: () => void } {
  const state = ref<StreamState>('idle')
  let source: EventSource | undefined
  let timer: ReturnType<typeof setTimeout> | undefined
  let wait = FIRST_RETRY_MS
  let lastId = ''

  function close(): void {
    clearTimeout(timer)
    source?.close()
    source = undefined
  }

  function end(): void {
    close()
    state.value = 'ended'
  }

  function open(): void {
    const to = path()
    if (!to) return
    const resume = lastId ? `${to.includes('?') ? '&' : '?'}lastEventId=${encodeURIComponent(lastId)}` : ''
    source = new EventSource(withOrg(`/api/v1${to}${resume}`))
    const receive = (name: string) => (event: MessageEvent<string>) => {
      if (event.lastEventId) lastId = event.lastEventId
      on({ name, data: event.data, id: event.lastEventId })
    }
    source.onopen = () => {
      wait = FIRST_RETRY_MS
      state.value = 'open'
    }
    source.onmessage = receive('message')
    for (const name of events) source.addEventListener(name, receive(name) as EventListener)
    source.onerror = () => {
      if (state.value === 'ended') return
      close()
      state.value = 'reconnecting'
      timer = setTimeout(open, wait * (0.5 + Math.random() / 2))
      wait = Math.min(LAST_RETRY_MS, wait * 2)
    }
  }

  watch(
    path,
    (to) => {
      close()
      lastId = ''
      wait = FIRST_RETRY_MS
      state.value = to ? 'connecting' : 'idle'
      open()
    },
    { immediate: true },
  )
  onScopeDispose(close)
  return { state, end }
}
