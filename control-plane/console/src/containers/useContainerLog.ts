import { onScopeDispose, ref, shallowRef, watch, type Ref, type ShallowRef } from 'vue'
import { withOrg } from '@/api/http'
import { logPath, withLines, type KeptLine, type LogEnd, type LogLine, type LogQuery } from './logLines'

export type LogState = 'connecting' | 'open' | 'reconnecting' | 'ended'

const FIRST_RETRY_MS = 500
const LAST_RETRY_MS = 15_000
/** Lines that come together are drawn together. */
const DRAW_EVERY_MS = 100

/**
 * A container's log. A stream that broke comes back by itself and goes on after the last line: the browser tells its id,
 * and so does the address after an HTTP error, when the browser gives up.
 */
export function useContainerLog(
  of: () => { host: string; name: string; query: LogQuery },
): { lines: ShallowRef<readonly KeptLine[]>; state: Ref<LogState>; end: Ref<LogEnd | null> } {
  const lines = shallowRef<readonly KeptLine[]>([])
  const state = ref<LogState>('connecting')
  const end = ref<LogEnd | null>(null)
  let source: EventSource | undefined
  let retry: ReturnType<typeof setTimeout> | undefined
  let draw: ReturnType<typeof setTimeout> | undefined
  let wait = FIRST_RETRY_MS
  let last = ''
  let key = 0
  let coming: KeptLine[] = []

  function close(): void {
    clearTimeout(retry)
    source?.close()
    source = undefined
  }

  function show(): void {
    clearTimeout(draw)
    draw = undefined
    if (coming.length > 0) lines.value = withLines(lines.value, coming)
    coming = []
  }

  function again(): void {
    close()
    state.value = 'reconnecting'
    retry = setTimeout(open, wait * (0.5 + Math.random() / 2))
    wait = Math.min(LAST_RETRY_MS, wait * 2)
  }

  function open(): void {
    const { host, name, query } = of()
    source = new EventSource(withOrg(`/api/v1${logPath(host, name, query, Date.now(), last)}`))
    source.onopen = () => {
      wait = FIRST_RETRY_MS
      state.value = 'open'
    }
    source.addEventListener('line', (event: MessageEvent<string>) => {
      last = event.lastEventId
      coming.push({ ...(JSON.parse(event.data) as LogLine), id: last, key: key++ })
      draw ??= setTimeout(show, DRAW_EVERY_MS)
    })
    source.addEventListener('end', (event: MessageEvent<string>) => {
      show()
      const why = JSON.parse(event.data) as LogEnd
      // Neither is the end of what the container writes.
      if (query.follow && (why.reason === 'timeUp' || why.reason === 'hostLost')) {
        again()
        return
      }
      close()
      end.value = why
      state.value = 'ended'
    })
    source.onerror = () => {
      if (state.value === 'ended') return
      state.value = 'reconnecting'
      if (source?.readyState === EventSource.CLOSED) again()
    }
  }

  watch(
    () => JSON.stringify(of()),
    () => {
      close()
      lines.value = []
      coming = []
      end.value = null
      last = ''
      wait = FIRST_RETRY_MS
      state.value = 'connecting'
      open()
    },
    { immediate: true },
  )
  onScopeDispose(() => {
    close()
    clearTimeout(draw)
  })
  return { lines, state, end }
}
