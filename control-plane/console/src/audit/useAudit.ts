import { body, server, some, type Schemas } from '@/api/server'
import { withOrg } from '@/api/http'
import { useList } from '@/api/useList'
import type { operations } from '@/api/schema'

export type AuditRow = Schemas['AuditRow']
export type AuditFilter = NonNullable<operations['exportAudit']['parameters']['query']>
export type AuditScope = NonNullable<AuditFilter['scope']>

export function useAudit(filter: () => AuditFilter) {
  return useList<AuditRow>(
    () => ['audit', filter()],
    (cursor, signal) => body(server.GET('/api/v1/audit', { params: { query: some({ ...filter(), cursor, limit: 100 }) }, signal })),
    { refreshMs: 15_000 },
  )
}

/** Where the same rows come from as JSON lines, oldest first. */
export function exportAddress(filter: AuditFilter): string {
  const query = new URLSearchParams(some(filter) as Record<string, string>)
  return withOrg(`/api/v1/audit/export?${query}`)
}

export function verifyAudit(scope: AuditScope): Promise<Schemas['Verification']> {
  return body(server.GET('/api/v1/audit/verify', { params: { query: { scope } } }))
}
