import { body, server, type Schemas } from '@/api/server'
import { useThing } from '@/api/useThing'

export type FleetKeys = Schemas['FleetKeysStatus']
export type FleetKey = Schemas['FleetKeyStatus']
export type FleetKeyKind = 'ca' | 'signing'
export type KeyStep = 'rotate' | 'advance' | 'retire'

const inState = (keys: readonly FleetKey[], state: string) => keys.find((one) => one.state === state)

/** Which steps a kind of key can take now. A rotation begins when none is under way, and ends with what was before. */
export function stepsOf(kind: FleetKeyKind, keys: readonly FleetKey[]): KeyStep[] {
  const next = inState(keys, 'next')
  const previous = inState(keys, 'previous')
  if (!next && !previous) return inState(keys, 'current') ? ['rotate'] : []
  return [...(kind === 'ca' && next ? (['advance'] as const) : []), ...(previous ? (['retire'] as const) : [])]
}

/** The key that a step is about: what is replaced, what takes over, what ends. */
export function subjectOf(step: KeyStep, keys: readonly FleetKey[]): FleetKey | undefined {
  return inState(keys, { rotate: 'current', advance: 'next', retire: 'previous' }[step])
}

/** The beginning of a key's id: enough to tell the few that there are apart, and short enough to type. */
export function shortId(id: string): string {
  return id.replace(/^sha256:/, '').slice(0, 8)
}

export function isUnderWay(keys: FleetKeys): boolean {
  return [...keys.ca, ...keys.signing].some((one) => one.state === 'next' || one.state === 'previous')
}

/** While something rotates, hosts change what they believe from one moment to the next. */
export function useFleetKeys(enabled: () => boolean) {
  return useThing<FleetKeys>(
    () => ['fleet-keys'],
    (signal) => body(server.GET('/api/v1/keys', { signal })),
    { enabled, refreshMs: (seen) => (seen && isUnderWay(seen) ? 5_000 : 30_000) },
  )
}

/** `force`: also if hosts still have certificates of it. */
export function takeStep(kind: FleetKeyKind, step: KeyStep, force: boolean): Promise<FleetKeys> {
  if (step === 'advance') return body(server.POST('/api/v1/keys/ca/advance'))
  const params = { path: { kind } }
  if (step === 'rotate') return body(server.POST('/api/v1/keys/{kind}/rotate', { params }))
  return body(server.POST('/api/v1/keys/{kind}/retire', { params, body: { force } }))
}
