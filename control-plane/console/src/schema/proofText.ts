import type { Proof, ProofState } from './useReleases'

/** Who asks where the policy does, as the server says it. */
export const BY_POLICY = "the environment's policy"

export type ShownProof = ProofState | 'stale'

/** How a proof stands for whoever decides now: one of something else counts no more. */
export function shownProof(proof: Pick<Proof, 'state' | 'current'>): ShownProof {
  return proof.state === 'proven' && !proof.current ? 'stale' : proof.state
}
