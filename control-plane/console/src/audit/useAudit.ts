import { body, server, type Schemas } from '@/api/server'
import { useList } from '@/api/useList'

export type AuditRow = Schemas['AuditRow']

export function useAudit() {
  return useList<AuditRow>(
    () => ['audit'],
    (cursor, signal) => body(server.GET('/api/v1/audit', { params: { query: { cursor, limit: 100 } }, signal })),
    { refreshMs: 15_000 },
  )
}

export function verifyAudit(): Promise<Schemas['Verification']> {
  return body(server.GET('/api/v1/audit/verify'))
}
