import { describe, expect, it } from 'vitest'
import { shortDigest, targetTone } from '@/delivery/useTargets'

describe('what runs where', () => {
  it('shows drift louder than what is not known', () => {
    expect(targetTone('inStep')).toBe('ok')
    expect(targetTone('missing')).toBe('bad')
    expect(targetTone('stopped')).toBe('warn')
    expect(targetTone('unknown')).toBe('idle')
  })
  it('shortens digests', () => {
    expect(shortDigest(`sha256:${'ab'.repeat(32)}`)).toBe('abababababab')
    expect(shortDigest(null)).toBe('')
  })
})
