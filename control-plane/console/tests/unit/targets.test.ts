import { describe, expect, it } from 'vitest'
import { byState, shortDigest, targetTone, type DeploymentTarget } from '@/delivery/useTargets'

describe('what runs where', () => {
  it('shows drift louder than what is not known', () => {
    expect(targetTone('inStep')).toBe('ok')
    expect(targetTone('missing')).toBe('bad')
    expect(targetTone('stopped')).toBe('warn')
    expect(targetTone('unknown')).toBe('idle')
  })
  it('counts hosts by state, the loudest first', () => {
    const all = ['inStep', 'missing', 'inStep', 'unknown'].map((state) => ({ state })) as DeploymentTarget[]
    expect(byState(all)).toEqual([
      { state: 'missing', count: 1 },
      { state: 'unknown', count: 1 },
      { state: 'inStep', count: 2 },
    ])
  })
  it('shortens digests', () => {
    expect(shortDigest(`sha256:${'ab'.repeat(32)}`)).toBe('abababababab')
    expect(shortDigest(null)).toBe('')
  })
})
