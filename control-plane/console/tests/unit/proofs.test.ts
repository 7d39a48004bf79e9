import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { BY_POLICY, shownProof } from '@/schema/proofText'
import { proofTone } from '@/schema/tones'

describe('a proof', () => {
  it('of something else than would run now counts no more', () => {
    expect(shownProof({ state: 'proven', current: true })).toBe('proven')
    expect(shownProof({ state: 'proven', current: false })).toBe('stale')
    expect(shownProof({ state: 'notProven', current: false })).toBe('notProven')
    expect([proofTone('proven'), proofTone('stale'), proofTone('notProven')]).toEqual(['ok', 'warn', 'bad'])
  })

  it('is known to be asked for by the policy as the server says it', () => {
    expect(readFileSync('../src/schema/proof.rs', 'utf8')).toContain(`"${BY_POLICY}"`)
  })
})
