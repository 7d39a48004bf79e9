import { body, server, type Schemas } from '@/api/server'
import { useList } from '@/api/useList'
import { useThing } from '@/api/useThing'

export type Message = Schemas['Message']

export function useMessages(unread: () => boolean) {
  return useList<Message>(
    () => ['messages', unread()],
    (cursor, signal) => body(server.GET('/api/v1/messages', { params: { query: { cursor, ...(unread() ? { unread: true } : {}) } }, signal })),
    { refreshMs: 20_000 },
  )
}

export function useUnread(enabled: () => boolean) {
  return useThing<number>(
    () => ['unread'],
    async (signal) => (await body(server.GET('/api/v1/messages/unread', { signal }))).unread,
    { enabled, refreshMs: () => 20_000 },
  )
}

export async function markRead(id: string): Promise<void> {
  await server.POST('/api/v1/messages/{id}/read', { params: { path: { id } } })
}

export async function markAllRead(): Promise<void> {
  await server.POST('/api/v1/messages/read')
}
