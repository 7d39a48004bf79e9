import { api } from '@/api/client'
import type { DbServer, Execution, ExecutionDetail, Page, Release, ReleaseDetail, ServerSql, Ticket, TicketDetail } from '@/api/types'
import { useList } from '@/api/useList'
import { useThing } from '@/api/useThing'
import { isOver } from './tones'

export function useTickets(filter: () => { status?: string; limit?: number }, enabled: () => boolean = () => true) {
  return useList<Ticket>(
    () => ['tickets', filter()],
    (cursor, signal) => api.get<Page<Ticket>>('/schema/tickets', { ...filter(), cursor }, signal),
    { enabled, refreshMs: 10_000 },
  )
}

export function useTicket(id: () => string) {
  return useThing<TicketDetail>(
    () => ['ticket', id()],
    (signal) => api.get<TicketDetail>(`/schema/tickets/${id()}`, {}, signal),
    { refreshMs: (seen) => (seen?.status === 'pending' ? 5_000 : false) },
  )
}

export function useReleaseList(enabled: () => boolean = () => true) {
  return useList<Release>(
    () => ['releases'],
    (cursor, signal) => api.get<Page<Release>>('/schema/releases', { cursor }, signal),
    { enabled, refreshMs: 10_000 },
  )
}

export function useRelease(id: () => string) {
  return useThing<ReleaseDetail>(
    () => ['release', id()],
    (signal) => api.get<ReleaseDetail>(`/schema/releases/${id()}`, {}, signal),
  )
}

export function useExecutions(filter: () => { release?: string; limit?: number }, enabled: () => boolean = () => true) {
  return useList<Execution>(
    () => ['executions', filter()],
    (cursor, signal) => api.get<Page<Execution>>('/schema/executions', { ...filter(), cursor }, signal),
    { enabled, refreshMs: 5_000 },
  )
}

export function useExecution(id: () => string) {
  return useThing<ExecutionDetail>(
    () => ['execution', id()],
    (signal) => api.get<ExecutionDetail>(`/schema/executions/${id()}`, {}, signal),
    { refreshMs: (seen) => (seen && isOver(seen.status) ? false : 1_000) },
  )
}

export function useServers(enabled: () => boolean = () => true) {
  return useList<DbServer>(
    () => ['servers'],
    (cursor, signal) => api.get<Page<DbServer>>('/schema/servers', { cursor, limit: 200 }, signal),
    { enabled },
  )
}

export interface NewProposal {
  project?: string
  version: string
  database: string
  environment: string
  servers: string[]
  sql: string
}

export function propose(input: NewProposal): Promise<{ ticketId: string; servers: ServerSql[] }> {
  return api.post('/schema/proposals', input)
}

export type Decision = 'approve' | 'reject' | 'withdraw'

export function decide(ticket: string, decision: Decision, comment: string): Promise<Ticket> {
  return api.post<Ticket>(`/schema/tickets/${ticket}/${decision}`, comment ? { comment } : {})
}

export function execute(release: string, server: string, dryRun: boolean): Promise<{ executionId: string }> {
  return api.post(`/schema/releases/${release}/execute`, { server, dryRun })
}

export async function cancelExecution(id: string): Promise<void> {
  await api.post(`/schema/executions/${id}/cancel`)
}
