import type { Message } from './useInbox'

/** What the server says by a code and its blanks, so that each reader gets it in their own language. */
const CODES = ['wantsToJoin', 'letIn', 'rejected', 'accepted', 'orgChanged', 'notDeployed', 'deploymentAsks', 'deploymentApproved', 'deploymentRejected', 'toApprove', 'stepApproved', 'ticketApproved', 'ticketRejected', 'ticketStuck', 'alertFires', 'alertSilent', 'alertOver', 'driftFound', 'driftChanged', 'driftOver', 'notExecuted', 'needsALook', 'rolloutHalted', 'rolloutPaused', 'asidesExpired', 'targetsDrifted', 'targetsInStep'] as const

export interface Said {
  key: string
  blanks: Record<string, string>
}

/** Nothing for a code that this console does not know yet, or a message from before there were codes: then its sentence is shown. */
export function said(message: Pick<Message, 'code' | 'params'>): Said | undefined {
  const code = CODES.find((one) => one === message.code)
  return code && { key: `inbox.says.${code}`, blanks: { ...message.params } }
}

export type MessageButton = 'review' | 'resubmit' | 'enter' | 'view'

/** The button that a message offers, by the server's code. */
export function buttonOf(message: Message): MessageButton | undefined {
  return (['review', 'resubmit', 'enter', 'view'] as const)[message.subMode]
}

const MODES: Record<number, string> = { 1: 'join', 2: 'orgChanged', 3: 'approval', 4: 'alert', 5: 'deployment', 6: 'drift', 7: 'release', 8: 'setAside', 9: 'target' }

export function modeOf(message: Message): string {
  return MODES[message.mode] ?? 'other'
}
