import { describe, expect, it } from 'vitest'
import { Problem } from '@/api/problem'
import { PiecewiseUpload, type Calls, type Told } from '@/files/upload'

const MIB = 1 << 20

/** A server that keeps what it is sent. */
function peer(size: number, trouble: (Problem | undefined)[] = []) {
  const upload = { id: 'u', parentId: null, name: 'a', mime: '', size, hash: '', position: 0, ownerType: 2, ownerId: 'o', createdAt: '', expiresAt: '' }
  const seen = { begun: [] as unknown[], offsets: [] as number[], completed: 0, cancelled: 0 }
  /** What the next completions say, whatever came of them. */
  const lost: Problem[] = []
  let gone = false
  const calls: Calls = {
    begin: (body) => {
      seen.begun.push(body)
      upload.position = 0
      return Promise.resolve({ ...upload })
    },
    look: () => (gone ? Promise.reject(new Problem({ status: 404 })) : Promise.resolve({ ...upload })),
    put: (_id, offset, bytes) => {
      seen.offsets.push(offset)
      const problem = trouble.shift()
      if (problem) return Promise.reject(problem)
      upload.position = offset + bytes.size
      return Promise.resolve({ ...upload })
    },
    complete: () => {
      seen.completed += 1
      gone = true
      const problem = lost.shift()
      return problem ? Promise.reject(problem) : Promise.resolve()
    },
    cancel: () => {
      seen.cancelled += 1
      return Promise.resolve()
    },
  }
  return { calls, seen, lost }
}

function start(size: number, trouble: (Problem | undefined)[] = []) {
  const { calls, seen, lost } = peer(size, trouble)
  const told: Told[] = []
  const waits: number[] = []
  const file = new File([new Uint8Array(size).fill(7)], 'a.pdf', { type: 'application/pdf' })
  const wait = (ms: number) => {
    waits.push(ms)
    return Promise.resolve()
  }
  const upload = new PiecewiseUpload(file, { parentId: 'p' }, calls, (one) => told.push(one), wait)
  return { upload, calls, seen, lost, told, waits }
}

const away = new Problem({ status: 0, title: 'network' })

describe('an upload in pieces', () => {
  it('says what it sends, sends it in order, and completes it', async () => {
    const { upload, seen, told } = start(5 * MIB)
    expect(await upload.run()).toBe(true)
    expect(seen.begun).toMatchObject([{ name: 'a.pdf', size: 5 * MIB, mime: 'application/pdf', parentId: 'p' }])
    expect((seen.begun[0] as { hash: string }).hash).toMatch(/^[0-9a-f]{64}$/)
    expect(seen.offsets).toEqual([0, 2 * MIB, 4 * MIB])
    expect(seen.completed).toBe(1)
    expect(told.at(0)?.state).toBe('hashing')
    expect(told.at(-1)).toEqual({ state: 'done', sent: 5 * MIB })
  })

  it('goes on where it was when the line broke', async () => {
    const { upload, seen, waits } = start(4 * MIB, [undefined, away, away])
    expect(await upload.run()).toBe(true)
    expect(seen.offsets).toEqual([0, 2 * MIB, 2 * MIB, 2 * MIB])
    expect(seen.begun).toHaveLength(1)
    expect(waits).toEqual([500, 1_000])
  })

  it('stops after a while, and goes on when it is asked to', async () => {
    const { upload, seen, told } = start(MIB, Array<Problem>(6).fill(away))
    expect(await upload.run()).toBe(false)
    expect(told.at(-1)).toMatchObject({ state: 'broken', problem: away })
    expect(await upload.run()).toBe(true)
    expect(seen.begun).toHaveLength(1)
  })

  it('does not try again what was refused', async () => {
    const full = new Problem({ status: 409, type: 'storage-full' })
    const { upload, seen, told } = start(MIB, [full])
    expect(await upload.run()).toBe(false)
    expect(seen.offsets).toEqual([0])
    expect(told.at(-1)?.problem).toBe(full)
    await upload.cancel()
    expect(seen.cancelled).toBe(1)
    expect(await upload.run()).toBe(false)
  })

  it('asks for the file again when that answer was lost, and not for the upload that is no more', async () => {
    const { upload, seen, lost, told, waits } = start(MIB)
    lost.push(away, away)
    expect(await upload.run()).toBe(true)
    expect([seen.completed, waits]).toEqual([3, [500, 1_000]])
    expect(told.at(-1)).toEqual({ state: 'done', sent: MIB })
  })

  it('goes on with the end when it is asked to after a while', async () => {
    const { upload, seen, lost } = start(MIB)
    lost.push(...Array<Problem>(6).fill(away))
    expect(await upload.run()).toBe(false)
    expect(await upload.run()).toBe(true)
    expect([seen.begun.length, seen.completed]).toEqual([1, 7])
  })

  it('gives up on the server what was cancelled while it was begun', async () => {
    const { upload, calls, seen } = start(MIB)
    const begin = calls.begin
    calls.begin = async (body) => {
      await upload.cancel()
      return begin(body)
    }
    expect(await upload.run()).toBe(false)
    expect(seen).toMatchObject({ offsets: [], completed: 0, cancelled: 1 })
  })

  it('sends a file without bytes', async () => {
    const { upload, seen } = start(0)
    expect(await upload.run()).toBe(true)
    expect(seen.offsets).toEqual([])
    expect((seen.begun[0] as { hash: string }).hash).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
  })
})
