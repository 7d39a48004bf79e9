import { afterEach, describe, expect, it } from 'vitest'
import { rememberAfterwards, takeAfterwards } from '@/session/afterwards'
import { questionOf, returned, tidyCode } from '@/session/question'

const AT = '2026-11-28T10:00:00Z'

describe('a sign-in', () => {
  it('is done, or leaves a question whose best answer comes first', () => {
    expect(questionOf({ mfaRequired: false, expiresAt: AT, csrfToken: 'x' })).toBeUndefined()
    expect(questionOf({ mfaRequired: true, expiresAt: AT, challenge: 'mch_1', methods: ['recovery', 'email', 'totp'] })).toEqual({
      challenge: 'mch_1',
      methods: ['totp', 'email', 'recovery'],
    })
  })

  it('at a provider comes back with a question', () => {
    expect(returned('#challenge=mch_1&methods=recovery,totp')).toEqual({ question: { challenge: 'mch_1', methods: ['totp', 'recovery'] } })
    expect(returned('')).toEqual({})
  })

  it('at a provider comes back with a word for what went wrong, also one that is new', () => {
    expect(returned('#error=not-bound')).toEqual({ error: 'not-bound' })
    expect(returned('#error=<b>surprise</b>')).toEqual({ error: 'failed' })
    expect(returned('#challenge=&methods=totp')).toEqual({})
    expect(returned('#challenge=mch_1&methods=telepathy')).toEqual({})
  })

  it('takes codes as people write them', () => {
    expect(tidyCode('totp', ' 123 456 ')).toBe('123456')
    expect(tidyCode('sms', '123-456')).toBe('123456')
    expect(tidyCode('recovery', ' abcd-efgh ')).toBe('abcd-efgh')
  })
})

describe('where one wanted to go', () => {
  afterEach(() => sessionStorage.clear())

  it('is kept for once, and only within the console', () => {
    rememberAfterwards('/hosts?status=online')
    expect(takeAfterwards()).toBe('/hosts?status=online')
    expect(takeAfterwards()).toBe('/')
    rememberAfterwards('//elsewhere.example')
    expect(takeAfterwards()).toBe('/')
  })

  it('is forgotten when one begins anew without a wish', () => {
    rememberAfterwards('/audit')
    rememberAfterwards(undefined)
    expect(takeAfterwards()).toBe('/')
  })
})
