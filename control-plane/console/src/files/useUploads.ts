import { reactive } from 'vue'
import { send } from '@/api/http'
import { body, server, type Schemas } from '@/api/server'
import { PiecewiseUpload, type Calls, type Told } from './upload'

export interface Running extends Told {
  key: number
  name: string
  size: number
}

const calls: Calls = {
  begin: (input) => body(server.POST('/api/v1/files/uploads', { body: input })),
  look: (id) => body(server.GET('/api/v1/files/uploads/{id}', { params: { path: { id } } })),
  put: async (id, offset, bytes, signal) => {
    const url = new URL(`/api/v1/files/uploads/${id}/content?offset=${offset}`, window.location.origin)
    const request = new Request(url, { method: 'PUT', body: bytes, signal, headers: { 'Content-Type': 'application/octet-stream' } })
    return (await (await send(request)).json()) as Schemas['FileUpload']
  },
  complete: (id) => body(server.POST('/api/v1/files/uploads/{id}/complete', { params: { path: { id } } })),
  cancel: async (id) => {
    await server.DELETE('/api/v1/files/uploads/{id}', { params: { path: { id } } })
  },
}

/** Those of this window: they go on while one looks at other pages. */
const running = reactive<Running[]>([])
const uploads = new Map<number, { upload: PiecewiseUpload; whenDone: () => void }>()
let next = 1

async function run(key: number): Promise<void> {
  const one = uploads.get(key)
  if (one && (await one.upload.run())) one.whenDone()
}

/** Uploads of files, one after another; `whenDone` hears of each that is there. */
export function useUploads() {
  async function start(files: Iterable<File>, where: { parentId?: string; ownerType?: number }, whenDone: () => void): Promise<void> {
    const keys: number[] = []
    for (const file of files) {
      const key = next++
      running.push({ key, name: file.name, size: file.size, state: 'hashing', sent: 0 })
      const tell = (told: Told) => {
        const row = running.find((one) => one.key === key)
        if (row) Object.assign(row, { problem: undefined, ...told })
      }
      uploads.set(key, { upload: new PiecewiseUpload(file, where, calls, tell), whenDone })
      keys.push(key)
    }
    for (const key of keys) await run(key)
  }
  async function cancel(key: number): Promise<void> {
    const one = uploads.get(key)
    forget(key)
    await one?.upload.cancel().catch(() => undefined)
  }
  function forget(key: number): void {
    uploads.delete(key)
    const at = running.findIndex((one) => one.key === key)
    if (at >= 0) running.splice(at, 1)
  }
  function clear(): void {
    for (const one of running.filter((one) => one.state === 'done')) forget(one.key)
  }
  return { running, start, goOn: run, cancel, clear }
}
