import type { ShownProof } from './proofText'
import type { BaseCheckState, ExecutionStatus, RiskLevel, TicketStatus } from './useReleases'
import type { Tone } from '@/ui/StatusDot.vue'

export function riskTone(risk: RiskLevel): Tone {
  switch (risk) {
    case 'safe':
      return 'ok'
    case 'warning':
      return 'warn'
    case 'destructive':
    case 'unknown':
      return 'bad'
  }
}

export function ticketTone(status: TicketStatus): Tone {
  switch (status) {
    case 'pending':
      return 'busy'
    case 'approved':
      return 'ok'
    case 'rejected':
      return 'bad'
    case 'withdrawn':
      return 'idle'
  }
}

export function executionTone(status: ExecutionStatus): Tone {
  switch (status) {
    case 'success':
      return 'ok'
    case 'failure':
    case 'needsAttention':
      return 'bad'
    case 'rolledBack':
      return 'warn'
    case 'running':
      return 'busy'
    case 'pending':
    case 'cancelled':
      return 'idle'
  }
}

export function baseCheckTone(state: BaseCheckState): Tone {
  switch (state) {
    case 'same':
      return 'ok'
    case 'differs':
      return 'bad'
    case 'unread':
      return 'warn'
    case 'oldAgent':
    case 'begunBefore':
      return 'idle'
  }
}

export function isOver(status: ExecutionStatus): boolean {
  return status !== 'pending' && status !== 'running'
}

/** A statement's status; a word that we don't know is shown as it came. */
export function statementTone(status: string): Tone {
  switch (status) {
    case 'success':
    case 'done':
      return 'ok'
    case 'failure':
    case 'failed':
      return 'bad'
    case 'running':
      return 'busy'
    default:
      return 'idle'
  }
}

export function proofTone(state: ShownProof): Tone {
  switch (state) {
    case 'proven':
      return 'ok'
    case 'notProven':
      return 'bad'
    case 'untried':
    case 'stale':
      return 'warn'
    case 'wanted':
    case 'running':
      return 'busy'
  }
}
