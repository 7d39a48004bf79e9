import type { Schemas } from '@/api/server'

/** What a sign-in still has to answer before anybody is in. */

export type Method = Schemas['ChallengeMethod']

export interface Question {
  challenge: string
  /** How it may be answered; the first is offered first. */
  methods: readonly Method[]
}

/** Answers that the server takes for one challenge. */
export const ANSWERS = 5

const ORDER: readonly Method[] = ['totp', 'email', 'sms', 'recovery']

function question(challenge: string, methods: readonly string[]): Question | undefined {
  const known = ORDER.filter((one) => methods.includes(one))
  return challenge && known.length ? { challenge, methods: known } : undefined
}

/** What is left to answer after a sign-in; nothing: it is done. */
export function questionOf(answer: Schemas['SignedIn']): Question | undefined {
  return answer.mfaRequired ? question(answer.challenge ?? '', answer.methods ?? []) : undefined
}

/** How a browser comes back from a provider: with a question, or with the word for what went wrong. */
export interface Returned {
  question?: Question
  error?: ReturnError
}

const ERRORS = ['expired', 'denied', 'failed', 'not-bound', 'no-second-factor', 'taken'] as const
export type ReturnError = (typeof ERRORS)[number]

export function returned(hash: string): Returned {
  const given = new URLSearchParams(hash.replace(/^#/, ''))
  const asked = question(given.get('challenge') ?? '', (given.get('methods') ?? '').split(','))
  if (asked) return { question: asked }
  const word = given.get('error')
  if (!word) return {}
  return { error: ERRORS.find((one) => one === word) ?? 'failed' }
}

/** What somebody typed or pasted of a code: spaces and dashes are for reading. */
export function tidyCode(method: Method, typed: string): string {
  return method === 'recovery' ? typed.trim() : typed.replace(/[\s-]/g, '')
}
