import { effectScope, nextTick, type EffectScope } from 'vue'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { keepDraft, readDraft, type Draft } from '@/setup/draft'
import { findingsOf } from '@/setup/findings'
import { useInstallation, type Progress } from '@/setup/useSetup'

const error = (code: string, params: Record<string, string> = {}) => ({ field: 'database', message: code, code, params })
const step = (name: string, state: Progress['state'], more: Partial<Progress> = {}): Progress => ({ step: name, state, detail: '', errors: [], ...more })

describe('what is in the way of an installation', () => {
  it('is read by table', () => {
    const found = findingsOf([
      error('column-missing', { table: 'users', column: 'email' }),
      error('table-foreign', { table: 'blog' }),
      error('column-missing', { table: 'users', column: 'mobile' }),
      error('column-unknown', { table: 'users', column: 'nick' }),
      error('column-type', { table: 'orgs', column: 'id' }),
    ])
    expect(found.others).toEqual([])
    expect(found.tables).toEqual([
      { table: 'blog', foreign: true, missing: [], unknown: [], otherType: [] },
      { table: 'orgs', foreign: false, missing: [], unknown: [], otherType: ['id'] },
      { table: 'users', foreign: false, missing: ['email', 'mobile'], unknown: ['nick'], otherType: [] },
    ])
  })

  it('may be about no table', () => {
    const gone = error('database-gone', { words: 'connection reset' })
    expect(findingsOf([gone, error('history-torn', { table: '_sqlx_migrations' })])).toMatchObject({ tables: [], others: [gone, { code: 'history-torn' }] })
  })
})

describe('what was typed into the install page', () => {
  it('survives a reload, but for what is secret', () => {
    const typed = { ...readDraft(), account: 'root', host: 'db.internal', password: 'a long enough password', url: 'postgres://a:b@c/d', token: 'setup_x' }
    keepDraft(typed as Draft)
    expect(readDraft()).toMatchObject({ account: 'root', host: 'db.internal', kind: 'sqlite' })
    expect(JSON.stringify({ ...sessionStorage })).not.toMatch(/long enough|postgres:|setup_x/)
  })

  it('may be unreadable', () => {
    sessionStorage.setItem('muster.installForm', '{')
    expect(readDraft().port).toBe('5432')
  })
})

/** The browser's own, as far as streams need it. */
class Source extends EventTarget {
  static readonly CLOSED = 2
  static all: Source[] = []
  readyState = 0
  onopen?: () => void
  onerror?: () => void
  constructor(readonly url: string) {
    super()
    Source.all.push(this)
  }
  close(): void {
    this.readyState = 2
  }
  tell(name: string, id: number, data: unknown): void {
    this.dispatchEvent(new MessageEvent(name, { data: typeof data === 'string' ? data : JSON.stringify(data), lastEventId: String(id) }))
  }
  refuse(): void {
    this.readyState = 2
    this.onerror?.()
  }
  static last(): Source {
    return Source.all.at(-1) as Source
  }
}

describe('an installation', () => {
  /** What the control plane answers now. */
  let answers: Record<string, [number, unknown]>
  let scope: EffectScope
  let installation: ReturnType<typeof useInstallation>
  const settled = () => vi.advanceTimersByTimeAsync(20_000)

  beforeEach(async () => {
    vi.useFakeTimers()
    sessionStorage.clear()
    Source.all = []
    answers = { '/api/v1/setup': [200, { installed: false, installing: true }], '/api/v1/setup/progress': [200, {}], '/readyz': [200, {}] }
    vi.stubGlobal('EventSource', Source)
    vi.stubGlobal('fetch', (asked: Request | string) => {
      const request = asked instanceof Request ? asked : new Request(new URL(asked, 'http://localhost'))
      const [status, body] = request.method === 'POST' ? [202, { installationId: 'one' }] : (answers[new URL(request.url).pathname] ?? [404, {}])
      return Promise.resolve(new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json' } }))
    })
    scope = effectScope()
    installation = scope.run(() => useInstallation()) as ReturnType<typeof useInstallation>
    await installation.begin({ token: 't', account: 'root', password: 'p', database: { kind: 'sqlite' } })
    await nextTick()
  })
  afterEach(() => {
    scope.stop()
    vi.unstubAllGlobals()
    vi.useRealTimers()
  })

  it('that stopped says at which step and why, and the form comes back', () => {
    Source.last().tell('step', 0, step('key', 'running'))
    Source.last().tell('step', 1, step('key', 'done'))
    Source.last().tell('step', 2, step('check', 'running'))
    Source.last().tell('step', 3, step('check', 'failed', { errors: [error('table-foreign', { table: 'blog' })] }))
    Source.last().tell('end', 4, 'failed')
    expect(installation.phase.value).toBe('failed')
    expect(installation.present.value).toMatchObject([{ step: 'key', state: 'done' }, { step: 'check', state: 'failed', errors: [{ code: 'table-foreign' }] }])
    expect(sessionStorage.getItem('muster.installation')).toBeNull()
    installation.again()
    expect(installation.phase.value).toBe('form')
  })

  it('goes on where the stream broke, and tells the end', async () => {
    Source.last().tell('step', 0, step('key', 'running'))
    Source.last().refuse()
    expect(installation.away.value).toBe(true)
    await settled()
    expect(Source.all).toHaveLength(2)
    expect(installation.phase.value).toBe('running')
    // From the start again, and nothing twice.
    Source.last().onopen?.()
    Source.last().tell('step', 0, step('key', 'running'))
    Source.last().tell('step', 1, step('table', 'done', { table: 'users', detail: 'created' }))
    Source.last().tell('step', 1, step('table', 'done', { table: 'users', detail: 'created' }))
    expect(installation.away.value).toBe(false)
    expect(installation.tables.value).toHaveLength(1)
    Source.last().tell('end', 2, 'installed')
    await settled()
    expect(installation.phase.value).toBe('installed')
  })

  it('that ended well while the stream was away is found to be done', async () => {
    answers['/api/v1/setup'] = [200, { installed: true, installing: false }]
    Source.last().refuse()
    await settled()
    expect(installation.phase.value).toBe('installed')
    expect(Source.all).toHaveLength(1)
  })

  it('that the control plane knows nothing of any more is given up', async () => {
    answers['/api/v1/setup'] = [200, { installed: false, installing: false }]
    answers['/api/v1/setup/progress'] = [404, { type: 'not-found', title: 'Not found', status: 404 }]
    Source.last().tell('step', 0, step('tables', 'running'))
    Source.last().refuse()
    await settled()
    expect(installation.phase.value).toBe('lost')
    expect(installation.present.value).toMatchObject([{ step: 'tables' }])
    expect(sessionStorage.getItem('muster.installation')).toBeNull()
  })

  it('is waited for while the control plane does not answer', async () => {
    answers['/api/v1/setup'] = [502, '<html>']
    Source.last().refuse()
    await settled()
    expect(installation.phase.value).toBe('running')
    expect(Source.all.length).toBeGreaterThan(1)
  })
})
