import { describe, expect, it } from 'vitest'
import { hookForm, hookInput, refusalText, wishTone } from '@/schema/projectHooks'
import type { GitHook, GitRefusal, GitWish } from '@/schema/useProjects'

const t = (key: string, blanks: Record<string, string>) => `${key} ${blanks.detail}`.trim()

describe('a Git hook', () => {
  it('has a branch on each line of its form', () => {
    const hook = { provider: 'gitee', repository: 'acme/shop', branches: ['main', 'release/*'], enabled: false } as GitHook
    expect(hookInput(hookForm(hook))).toEqual({ provider: 'gitee', repository: 'acme/shop', branches: ['main', 'release/*'], enabled: false })
    expect(hookInput({ ...hookForm(), repository: ' acme/shop ', branches: '\n main \n\n' })).toEqual({ provider: 'github', repository: 'acme/shop', branches: ['main'], enabled: true })
  })
})

describe('what a commit asked for', () => {
  const refusal = (reason: GitRefusal['reason'], server: string | null = null, detail: string | null = null): GitRefusal => ({ reason, server, detail })

  it('is a warning where some servers were refused', () => {
    const wish = (state: GitWish['state'], refusals: GitRefusal[] = []) => wishTone({ state, refusals } as GitWish)
    expect([wish('executed'), wish('executed', [refusal('moved')]), wish('refused'), wish('open')]).toEqual(['ok', 'warn', 'bad', 'busy'])
  })

  it('says why not, for which server, and times as people read them', () => {
    const said = (one: GitRefusal) => refusalText(t, one, (time) => `<${time}>`)
    expect(said(refusal('pending'))).toBe('projects.refusals.pending')
    expect(said(refusal('moved', 'pg', '1.0'))).toBe('pg: projects.refusals.moved 1.0')
    expect(said(refusal('outsideWindows', 'pg', '2026-01-01T00:00:00Z'))).toBe('pg: projects.refusals.outsideWindows <2026-01-01T00:00:00Z>')
  })
})
