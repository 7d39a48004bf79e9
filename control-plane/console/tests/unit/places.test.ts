import { describe, expect, it } from 'vitest'
import { everyPage } from '@/api/everyPage'
import { Problem, asProblem } from '@/api/problem'
import { databasePatch, databaseToForm, newDatabase } from '@/databases/databaseForms'
import type { DatabaseServer } from '@/databases/useDatabases'
import { KEEP, NOWHERE, UNCHANGED, changeHosts, changesAnything, patchFor, type HostOutcome } from '@/fleet/bulk'
import { hostPatch, hostToForm, isLabelFilter } from '@/fleet/hostForms'
import { lastOrder, moved } from '@/fleet/order'
import type { Host, HostPatch } from '@/fleet/useHosts'
import { isUnderWay, shortId, stepsOf, subjectOf, type FleetKey } from '@/settings/useFleetKeys'

const host = (more: Partial<Host> = {}): Host =>
  ({ id: 'h1', name: 'web-1', clusterId: 'c1', environment: 'prod', businessStatus: 1, labels: { role: 'web', zone: 'a' }, publicIp: null, ...more }) as Host

describe('a host’s form', () => {
  it('sends only what differs, and takes away what was emptied', () => {
    const before = hostToForm(host())
    expect(hostPatch(before, before)).toEqual({})
    expect(hostPatch({ ...before, name: ' web-2 ', clusterId: '', businessStatus: '33' }, before)).toEqual({ name: 'web-2', clusterId: null, businessStatus: 33 })
    expect(hostPatch({ ...before, labels: 'role=web\nnote=a=b' }, before)).toEqual({ labels: { role: 'web', note: 'a=b' } })
  })

  it('knows which label filters the server can read', () => {
    for (const good of ['', 'role=web', 'role=web,zone=', 'role=web,']) expect(isLabelFilter(good), good).toBe(true)
    for (const bad of ['role', 'role=web,zone', '=web']) expect(isLabelFilter(bad), bad).toBe(false)
  })
})

describe('changing many hosts', () => {
  it('leaves alone what is like that already', () => {
    expect(changesAnything(UNCHANGED)).toBe(false)
    expect(patchFor(host(), UNCHANGED)).toEqual({})
    expect(patchFor(host(), { ...UNCHANGED, cluster: 'c1', environment: 'prod', business: '1', setLabels: 'zone=a' })).toEqual({})
    expect(patchFor(host({ clusterId: null }), { ...UNCHANGED, cluster: NOWHERE })).toEqual({})
  })

  it('moves, and sets and takes labels without touching others', () => {
    expect(patchFor(host(), { ...UNCHANGED, cluster: NOWHERE, environment: 'test' })).toEqual({ clusterId: null, environment: 'test' })
    expect(patchFor(host(), { cluster: KEEP, environment: KEEP, business: KEEP, setLabels: 'tier=gold\nrole=api', dropLabels: 'zone, nothing' })).toEqual({ labels: { role: 'api', tier: 'gold' } })
  })

  async function run(count: number, change: (id: string) => Promise<unknown>, stopped: (done: number) => boolean = () => false) {
    const outcomes: HostOutcome[] = []
    let [busy, most, reads] = [0, 0, 0]
    const hosts = Array.from({ length: count }, (_, i) => host({ id: `h${i}` }))
    const calls = {
      read: (id: string) => {
        reads += 1
        return Promise.resolve(host({ id, labels: { fresh: 'yes' } }))
      },
      change: async (id: string, patch: HostPatch) => {
        busy += 1
        most = Math.max(most, busy)
        await Promise.resolve()
        busy -= 1
        expect(patch.labels).toEqual({ fresh: 'yes', a: 'b' })
        return change(id)
      },
    }
    await changeHosts(hosts, { ...UNCHANGED, setLabels: 'a=b' }, calls, (one) => outcomes.push(one), () => stopped(outcomes.length))
    return { outcomes, most, reads }
  }

  it('asks for each a few at a time, from the labels it has now, and says what each refused', async () => {
    const refused = new Problem({ status: 403, detail: 'not yours' })
    const { outcomes, most, reads } = await run(20, (id) => (id === 'h3' ? Promise.reject(refused) : Promise.resolve()))
    expect(outcomes).toHaveLength(20)
    expect(reads).toBe(20)
    expect(most).toBeLessThanOrEqual(4)
    expect(outcomes.filter((one) => one.done === 'failed')).toEqual([{ host: host({ id: 'h3' }), done: 'failed', problem: refused }])
  })

  it('is bounded and can be stopped', async () => {
    expect((await run(250, () => Promise.resolve())).outcomes).toHaveLength(200)
    expect((await run(100, () => Promise.resolve(), (done) => done >= 10)).outcomes.length).toBeLessThan(15)
  })
})

describe('the order of environments', () => {
  const all = ['dev', 'test', 'prod'].map((id, order) => ({ id, order }))
  it('changes as few numbers as it takes', () => {
    expect(moved(all, 2, -1)).toEqual([{ id: 'prod', order: 1 }, { id: 'test', order: 2 }])
    expect(moved(all, 0, -1)).toEqual([])
    expect(moved(all, 2, 1)).toEqual([])
  })
  it('is made certain where numbers were the same', () => {
    const same = ['a', 'b', 'c'].map((id) => ({ id, order: 0 }))
    expect(moved(same, 0, 1)).toEqual([{ id: 'a', order: 1 }, { id: 'c', order: 2 }])
  })
  it('has an end', () => {
    expect(lastOrder([])).toBe(0)
    expect(lastOrder(all)).toBe(3)
  })
})

describe('a database server’s form', () => {
  const there = { id: 's', label: 'orders', ip: '10.0.0.1', port: 5432, environment: 'prod', type: 'Postgres', username: 'app', hostId: 'h1', databases: ['orders', 'billing'], lockTimeoutMs: 10_000, statementTimeoutMs: 1_800_000, test: null } as unknown as DatabaseServer
  const before = databaseToForm(there)

  it('sends only what differs, and a password only if one was typed', () => {
    expect(databasePatch(before, before)).toEqual({})
    expect(databasePatch({ ...before, password: 'new one', databases: 'orders\n\nbilling\nstock\nstock' }, before)).toEqual({ password: 'new one', databases: ['orders', 'billing', 'stock'] })
    expect(databasePatch({ ...before, lockTimeoutMs: '0.5' }, before)).toEqual({ lockTimeoutMs: 500 })
  })

  it('leaves the port to the kind where none was typed', () => {
    const made = newDatabase({ ...before, port: '', password: 'x' })
    expect(made).not.toHaveProperty('port')
    expect(made).toMatchObject({ environment: 'prod', type: 'Postgres', password: 'x' })
  })

  it('says bounds in the units that are typed, under the field', () => {
    const fault = (change: object) => {
      try {
        databasePatch({ ...before, ...change }, before)
        return undefined
      } catch (error) {
        return asProblem(error).fields[0]
      }
    }
    expect(fault({ lockTimeoutMs: '601' })).toMatchObject({ field: 'lockTimeoutMs', code: 'range', params: { least: '0.1', most: '600' } })
    expect(fault({ statementTimeoutMs: '0.5' })).toMatchObject({ field: 'statementTimeoutMs' })
    expect(fault({ port: '70000' })).toMatchObject({ field: 'port', code: 'port' })
  })
})

describe('fleet keys', () => {
  const key = (state: string): FleetKey => ({ id: `sha256:${state}0123456789`, state, since: '', believers: 0, certificates: 0 }) as unknown as FleetKey
  it('take the steps that their states allow', () => {
    expect(stepsOf('ca', [key('gone'), key('current')])).toEqual(['rotate'])
    expect(stepsOf('ca', [key('current'), key('next')])).toEqual(['advance'])
    expect(stepsOf('ca', [key('previous'), key('current')])).toEqual(['retire'])
    expect(stepsOf('signing', [key('previous'), key('current')])).toEqual(['retire'])
    expect(stepsOf('signing', [])).toEqual([])
  })
  it('name what a step is about', () => {
    const keys = [key('gone'), key('previous'), key('current'), key('next')]
    expect((['rotate', 'advance', 'retire'] as const).map((step) => subjectOf(step, keys)?.state)).toEqual(['current', 'next', 'previous'])
    expect(shortId('sha256:9f2c1a77c0ffee')).toBe('9f2c1a77')
    expect(isUnderWay({ hosts: 1, ca: [key('current')], signing: [key('gone'), key('current')] })).toBe(false)
    expect(isUnderWay({ hosts: 1, ca: [key('current'), key('next')], signing: [] })).toBe(true)
  })
})

describe('a list that is read whole', () => {
  it('follows the cursors to the end', async () => {
    const pages = new Map<string | undefined, { items: number[]; nextCursor: string | null }>([
      [undefined, { items: [1, 2], nextCursor: 'a' }],
      ['a', { items: [3], nextCursor: null }],
    ])
    expect(await everyPage((cursor) => Promise.resolve(pages.get(cursor) ?? { items: [], nextCursor: null }))).toEqual([1, 2, 3])
  })
})
