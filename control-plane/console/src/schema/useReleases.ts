import { body, server, some, type Schemas } from '@/api/server'
import { useList } from '@/api/useList'
import { useThing } from '@/api/useThing'
import { isOver } from './tones'

export type Ticket = Schemas['Ticket']
export type TicketRow = Schemas['TicketRow']
export type TicketStatus = Ticket['status']
export type RiskLevel = Schemas['RiskLevel']
export type ServerSql = Schemas['ServerSql']
export type Release = Schemas['Release']
export type Execution = Schemas['Execution']
export type BaseCheck = Schemas['BaseCheck']
export type BaseCheckState = Schemas['BaseCheckState']
export type ExecutionStatus = Execution['status']
export type Proof = Schemas['Proof']
export type ProofState = Schemas['ProofState']
export type DatabaseServer = Schemas['Server']

export function useTickets(filter: () => { status?: TicketStatus | ''; waitsForMe?: boolean; limit?: number }, enabled: () => boolean = () => true) {
  return useList<TicketRow>(
    () => ['tickets', filter()],
    (cursor, signal) => {
      const { status, waitsForMe, limit } = filter()
      const query = some({ status: status || undefined, waitsForMe: waitsForMe || undefined, limit, cursor })
      return body(server.GET('/api/v1/schema/tickets', { params: { query }, signal }))
    },
    { enabled, refreshMs: 10_000 },
  )
}

export function useTicket(id: () => string) {
  return useThing<Schemas['TicketDetail']>(
    () => ['ticket', id()],
    (signal) => body(server.GET('/api/v1/schema/tickets/{id}', { params: { path: { id: id() } }, signal })),
    { refreshMs: (seen) => (seen?.status === 'pending' ? 5_000 : false) },
  )
}

export function useReleaseList() {
  return useList<Release>(
    () => ['releases'],
    (cursor, signal) => body(server.GET('/api/v1/schema/releases', { params: { query: { cursor } }, signal })),
    { refreshMs: 10_000 },
  )
}

export function useRelease(id: () => string) {
  return useThing<Schemas['ReleaseDetail']>(
    () => ['release', id()],
    (signal) => body(server.GET('/api/v1/schema/releases/{id}', { params: { path: { id: id() } }, signal })),
    // A window opens and closes while somebody looks.
    { refreshMs: (seen) => (seen?.window ? 30_000 : false) },
  )
}

export function useExecutions(filter: () => { release?: string; limit?: number }, enabled: () => boolean = () => true) {
  return useList<Execution>(
    () => ['executions', filter()],
    (cursor, signal) => body(server.GET('/api/v1/schema/executions', { params: { query: { ...filter(), cursor } }, signal })),
    { enabled, refreshMs: 5_000 },
  )
}

export function useExecution(id: () => string) {
  return useThing<Schemas['ExecutionDetail']>(
    () => ['execution', id()],
    (signal) => body(server.GET('/api/v1/schema/executions/{id}', { params: { path: { id: id() } }, signal })),
    { refreshMs: (seen) => (seen && isOver(seen.status) ? false : 1_000) },
  )
}

export function useServers(enabled: () => boolean = () => true) {
  return useList<DatabaseServer>(
    () => ['servers'],
    (cursor, signal) => body(server.GET('/api/v1/schema/servers', { params: { query: { cursor, limit: 200 } }, signal })),
    { enabled },
  )
}

/** Asks a server how many rows a ticket's statements would touch. */
export function countRows(ticket: string, on: string): Promise<Schemas['RowCounts']> {
  return body(server.POST('/api/v1/schema/tickets/{id}/count', { params: { path: { id: ticket } }, body: { server: on } }))
}

/** Has a published change tried on a scratch database of a server. */
export function prove(ticket: string, on: string): Promise<Schemas['Proving']> {
  return body(server.POST('/api/v1/schema/tickets/{id}/prove', { params: { path: { id: ticket } }, body: { server: on } }))
}

export function propose(input: Schemas['NewProposal']): Promise<Schemas['Proposed']> {
  return body(server.POST('/api/v1/schema/proposals', { body: input }))
}

export type Decision = 'approve' | 'reject' | 'withdraw'

export function decide(id: string, decision: Decision, comment: string): Promise<Ticket> {
  const init = { params: { path: { id } }, body: comment ? { comment } : {} }
  switch (decision) {
    case 'approve':
      return body(server.POST('/api/v1/schema/tickets/{id}/approve', init))
    case 'reject':
      return body(server.POST('/api/v1/schema/tickets/{id}/reject', init))
    case 'withdraw':
      return body(server.POST('/api/v1/schema/tickets/{id}/withdraw', init))
  }
}

export function resubmit(id: string, input: Schemas['Resubmission']): Promise<Schemas['Proposed']> {
  return body(server.POST('/api/v1/schema/tickets/{id}/resubmit', { params: { path: { id } }, body: input }))
}

/** Says as the super administrator that a release from before releases were signed is what was approved. */
export function vouch(id: string, input: Schemas['VouchRequest']): Promise<Schemas['ReleaseSignature']> {
  return body(server.POST('/api/v1/schema/releases/{id}/vouch', { params: { path: { id } }, body: input }))
}

export function execute(id: string, target: string, dryRun: boolean, when: { overrideReason?: string; notBefore?: string } = {}): Promise<Schemas['Executing']> {
  return body(server.POST('/api/v1/schema/releases/{id}/execute', { params: { path: { id } }, body: { server: target, dryRun, ...when } }))
}

export async function startExecution(id: string, overrideReason: string): Promise<void> {
  await body(server.POST('/api/v1/schema/executions/{id}/start', { params: { path: { id } }, body: { overrideReason } }))
}

export async function cancelExecution(id: string): Promise<void> {
  await server.POST('/api/v1/schema/executions/{id}/cancel', { params: { path: { id } } })
}
