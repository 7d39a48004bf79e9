import { body, server, type Schemas } from '@/api/server'
import { useThing } from '@/api/useThing'

export type SecondFactor = Schemas['SecondFactor']

export function useSecondFactor() {
  return useThing<SecondFactor>(
    () => ['second-factor'],
    (signal) => body(server.GET('/api/v1/me/second-factor', { signal })),
  )
}

/** A secret for an authenticator app; it counts once its code was entered. */
export function beginTotp(password: string): Promise<Schemas['TotpBegun']> {
  return body(server.POST('/api/v1/me/second-factor/totp', { body: { password } }))
}

/** Answers recovery codes, which are not shown again. */
export async function confirmTotp(code: string): Promise<string[]> {
  return (await body(server.POST('/api/v1/me/second-factor/totp/confirm', { body: { code } }))).recoveryCodes
}

export async function removeTotp(password: string): Promise<void> {
  await server.POST('/api/v1/me/second-factor/totp/remove', { body: { password } })
}

export async function renewRecoveryCodes(password: string): Promise<string[]> {
  return (await body(server.POST('/api/v1/me/second-factor/recovery-codes', { body: { password } }))).recoveryCodes
}

export function setMfa(mfa: Schemas['MfaMode'], password: string): Promise<SecondFactor> {
  return body(server.PUT('/api/v1/me/second-factor', { body: { mfa, password } }))
}
