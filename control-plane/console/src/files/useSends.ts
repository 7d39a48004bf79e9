import { body, server, type Schemas } from '@/api/server'
import { useList } from '@/api/useList'
import { useThing } from '@/api/useThing'
import { pairs } from '@/delivery/containerText'
import type { FormDescription } from '@/forms/description'
import type { Tone } from '@/ui/StatusDot.vue'

export type FileSend = Schemas['FileSend']
export type FileSendTarget = Schemas['FileSendTarget']
export type SendState = FileSendTarget['state']

const HOUR_S = 3_600
/** How long hosts that are away are waited for. */
export const LASTS = ['hour', 'day', 'week'] as const
const LASTS_S: Record<string, number> = { hour: HOUR_S, day: 24 * HOUR_S, week: 7 * 24 * HOUR_S }
const OPEN: readonly string[] = ['queued', 'waitingForHost', 'sent', 'accepted']
const WAITING: readonly string[] = ['queued', 'waitingForHost']

/** What the dialog asks for. */
export interface SendForm {
  hosts: string[]
  selector: string
  destination: string
  mode: string
  replace: string
  lasts: string
}

export const SEND_FIELDS: FormDescription = [
  { name: 'hosts', input: 'pick', label: 'files.send.hosts' },
  { name: 'selector', input: 'textarea', label: 'files.send.selector', hint: 'files.send.selectorHint', mono: true, rows: 2 },
  { name: 'destination', input: 'text', label: 'files.send.destination', hint: 'files.send.destinationHint', rules: [['required'], ['matches', /^\//]], wrong: 'files.send.destinationWrong', mono: true },
  { name: 'mode', input: 'text', label: 'files.send.mode', rules: [['required'], ['matches', /^0?[0-7]{3}$/]], wrong: 'files.send.modeWrong', mono: true },
  { name: 'replace', input: 'select', label: 'files.send.replace' },
  { name: 'lasts', input: 'select', label: 'files.send.lasts' },
]

export function emptySend(): SendForm {
  return { hosts: [], selector: '', destination: '', mode: '644', replace: 'no', lasts: 'day' }
}

export function sendFiles(fileIds: string[], form: SendForm): Promise<FileSend> {
  const input = {
    fileIds,
    hosts: form.hosts,
    selector: pairs(form.selector),
    destination: form.destination.trim(),
    mode: form.mode.trim(),
    replace: form.replace === 'yes',
    expiresInS: LASTS_S[form.lasts] ?? 24 * HOUR_S,
  }
  return body(server.POST('/api/v1/files/sends', { body: input }))
}

/** How many are how far. */
export function countOf(send: FileSend, states: readonly string[]): number {
  return Object.entries(send.outcomes).reduce((sum, [state, count]) => (states.includes(state) ? sum + count : sum), 0)
}
export const isOpen = (send: FileSend): boolean => countOf(send, OPEN) > 0
export const waits = (send: FileSend): boolean => countOf(send, WAITING) > 0

export function sendTone(state: SendState): Tone {
  switch (state) {
    case 'done':
      return 'ok'
    case 'failed':
    case 'refused':
      return 'bad'
    case 'needsAttention':
    case 'rolledBack':
      return 'warn'
    case 'sent':
    case 'accepted':
      return 'busy'
    case 'queued':
    case 'waitingForHost':
    case 'cancelled':
    case 'expired':
      return 'idle'
  }
}

export function useSends() {
  return useList<FileSend>(
    () => ['files', 'sends'],
    (cursor, signal) => body(server.GET('/api/v1/files/sends', { params: { query: { cursor, limit: 50 } }, signal })),
    { refreshMs: 10_000 },
  )
}

export function useSend(id: () => string) {
  return useThing<FileSend>(
    () => ['files', 'send', id()],
    (signal, key) => body(server.GET('/api/v1/files/sends/{id}', { params: { path: { id: String(key[2]) } }, signal })),
    { refreshMs: (seen) => (seen && !isOpen(seen) ? false : 2_000) },
  )
}

export function useSendTargets(id: () => string, open: () => boolean) {
  return useList<FileSendTarget>(
    () => ['files', 'targets', id()],
    (cursor, signal, key) => body(server.GET('/api/v1/files/sends/{id}/targets', { params: { path: { id: String(key[2]) }, query: { cursor, limit: 200 } }, signal })),
    { refreshMs: () => (open() ? 3_000 : false) },
  )
}

export function cancelSend(id: string): Promise<FileSend> {
  return body(server.POST('/api/v1/files/sends/{id}/cancel', { params: { path: { id } } }))
}
