import { onScopeDispose, ref, watch, type Ref } from 'vue'
import { withOrg } from './http'

export type StreamState = 'idle' | 'connecting' | 'open' | 'reconnecting' | 'ended'

const FIRST_RETRY_MS = 500
const LAST_RETRY_MS = 15_000

/**
 * Server-sent events that come back by themselves. A broken connection is the browser's to mend (it tells the server
 * the last id it saw); after an HTTP error it gives up, so a new stream is opened here, which begins from the start.
 * Either way an event that was seen is not reported again. `whenRefused` hears of each HTTP error: the thing may be gone.
 */
export function useEventStream(
  path: () => string | null,
  events: readonly string[],
  on: (event: { name: string; data: string; id: string }) => void,
  whenRefused: () => void = () => undefined,
): { state: Ref<StreamState>; end: () => void } {
  const state = ref<StreamState>('idle')
  let source: EventSource | undefined
  let timer: ReturnType<typeof setTimeout> | undefined
  let wait = FIRST_RETRY_MS
  let seen = -1

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
    source = new EventSource(withOrg(`/api/v1${to}`))
    const receive = (name: string) => (event: MessageEvent<string>) => {
      const id = Number.parseInt(event.lastEventId, 10)
      if (Number.isFinite(id)) {
        if (id <= seen && name !== 'end') return
        seen = id
      }
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
      state.value = 'reconnecting'
      if (source?.readyState !== EventSource.CLOSED) return
      close()
      timer = setTimeout(open, wait * (0.5 + Math.random() / 2))
      wait = Math.min(LAST_RETRY_MS, wait * 2)
      whenRefused()
    }
  }

  watch(
    path,
    (to) => {
      close()
      seen = -1
      wait = FIRST_RETRY_MS
      state.value = to ? 'connecting' : 'idle'
      open()
    },
    { immediate: true },
  )
  onScopeDispose(close)
  return { state, end }
}
