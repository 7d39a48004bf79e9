/** An upload in pieces that goes on where it broke off. Nothing of Vue: what it does is told to whoever listens. */
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex } from '@noble/hashes/utils.js'
import type { Schemas } from '@/api/server'
import { asProblem, type Problem } from '@/api/problem'

type Upload = Schemas['FileUpload']

/** What the server is asked for; a test has one of its own. */
export interface Calls {
  begin: (body: Schemas['UploadBody']) => Promise<Upload>
  look: (id: string) => Promise<Upload>
  put: (id: string, offset: number, bytes: Blob, signal: AbortSignal) => Promise<Upload>
  complete: (id: string) => Promise<unknown>
  cancel: (id: string) => Promise<void>
}

export type State = 'hashing' | 'sending' | 'waiting' | 'broken' | 'done'

export interface Told {
  state: State
  /** Bytes that are stored. */
  sent: number
  problem?: Problem
}

/** Bytes of a piece: enough for a fast line, and soon there on a slow one. */
const PIECE = 2 << 20
const READ = 4 << 20
/** How long a broken line is waited for, each time longer. */
const WAITS = [500, 1_000, 2_000, 4_000, 8_000]

export class PiecewiseUpload {
  private id = ''
  private hash = ''
  /** Whether the server has all bytes: then it may have the file, too, and the upload is no more. */
  private isSent = false
  private readonly stop = new AbortController()

  constructor(
    private readonly file: File,
    private readonly where: { parentId?: string; ownerType?: number },
    private readonly calls: Calls,
    private readonly tell: (told: Told) => void,
    private readonly wait: (ms: number) => Promise<void> = (ms) => new Promise((done) => setTimeout(done, ms)),
  ) {}

  /** Begins, or goes on; ends when the file is there, with what it ended with. */
  async run(): Promise<boolean> {
    let sent = 0
    for (let tries = 0; ; tries += 1) {
      try {
        if (!this.hash) this.hash = await this.digest()
        if (this.stop.signal.aborted) return false
        if (!this.isSent) {
          let upload = this.id ? await this.calls.look(this.id) : await this.begin()
          this.id = upload.id
          // Cancelled while it was begun: nobody else knows of it.
          if (this.stop.signal.aborted) {
            await this.calls.cancel(this.id)
            return false
          }
          while (upload.position < upload.size) {
            sent = upload.position
            this.tell({ state: 'sending', sent })
            const bytes = this.file.slice(sent, sent + PIECE)
            upload = await this.calls.put(this.id, sent, bytes, this.stop.signal)
            tries = 0
          }
          this.isSent = true
        }
        sent = this.file.size
        this.tell({ state: 'sending', sent })
        await this.calls.complete(this.id)
        this.tell({ state: 'done', sent })
        return true
      } catch (error) {
        if (this.stop.signal.aborted) return false
        const problem = asProblem(error)
        if (problem.code === 'incomplete') this.isSent = false
        const again = problem.isRetryable || ['broke-off', 'wrong-offset', 'incomplete'].includes(problem.code)
        const wait = WAITS[tries]
        if (!again || wait === undefined) {
          // What is void is begun anew when somebody asks for it.
          if (problem.status === 404 || problem.code === 'other-hash') {
            this.id = ''
            this.isSent = false
          }
          this.tell({ state: 'broken', sent, problem })
          return false
        }
        this.tell({ state: 'waiting', sent })
        await this.wait(wait)
      }
    }
  }

  async cancel(): Promise<void> {
    this.stop.abort()
    if (this.id) await this.calls.cancel(this.id)
  }

  private begin(): Promise<Upload> {
    const { name, size, type } = this.file
    const mime = type.split(';')[0]
    return this.calls.begin({ name, size, hash: this.hash, ...(mime ? { mime } : {}), ...this.where })
  }

  private async digest(): Promise<string> {
    this.tell({ state: 'hashing', sent: 0 })
    const hasher = sha256.create()
    for (let at = 0; at < this.file.size && !this.stop.signal.aborted; at += READ) {
      hasher.update(new Uint8Array(await this.file.slice(at, at + READ).arrayBuffer()))
    }
    return bytesToHex(hasher.digest())
  }
}
