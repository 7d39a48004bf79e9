import { body, server, some, type Schemas } from '@/api/server'
import { useList } from '@/api/useList'
import { useThing } from '@/api/useThing'

export type PostedLetter = Schemas['PostedLetter']
export type OutboxState = Schemas['OutboxState']
export type LetterState = PostedLetter['state']

export function useOutboxState(enabled: () => boolean) {
  return useThing<OutboxState>(
    () => ['outbox', 'state'],
    (signal) => body(server.GET('/api/v1/outbox/state', { signal })),
    { enabled, refreshMs: () => 10_000 },
  )
}

export function useLetters(filter: () => { state: LetterState | ''; recipient: string }, enabled: () => boolean) {
  return useList<PostedLetter>(
    () => ['outbox', 'letters', filter()],
    (cursor, signal) => {
      const { state, recipient } = filter()
      return body(server.GET('/api/v1/outbox', { params: { query: some({ state: state || undefined, recipient, cursor, limit: 100 }) }, signal }))
    },
    { enabled, refreshMs: 10_000 },
  )
}

export function retryLetter(id: string): Promise<PostedLetter> {
  return body(server.POST('/api/v1/outbox/{id}/retry', { params: { path: { id } } }))
}

/** Answers when the mail server has taken it, or has not. */
export function sendTestMail(input: Schemas['TestLetter']): Promise<PostedLetter> {
  return body(server.POST('/api/v1/outbox/test', { body: input }))
}
