/** A field that the server could not accept. */
export interface FieldError {
  field: string
  /** In the server's own words. */
  message: string
  /** What is wrong, to be said in the reader's language; `invalid` if only the message says it. */
  code?: string
  params?: Record<string, string>
}

/** RFC 9457, as the server answers every failure; also made up here when no server answered. */
export class Problem extends Error {
  readonly status: number
  readonly type: string
  readonly title: string
  readonly detail: string
  readonly fields: FieldError[]
  /** The permission that is missing, if it is one: `host:write`. */
  readonly operation: string

  constructor(init: { status: number; type?: string; title?: string; detail?: string; fields?: FieldError[]; operation?: string }) {
    super(init.detail || init.title || `HTTP ${init.status}`)
    this.name = 'Problem'
    this.status = init.status
    this.type = init.type ?? 'about:blank'
    this.title = init.title ?? ''
    this.detail = init.detail ?? ''
    this.fields = init.fields ?? []
    this.operation = init.operation ?? ''
  }

  /** The last part of `type`, which is stable: `not-installed`, `forbidden`, … */
  get code(): string {
    return this.type.split(/[/:#]/).pop() ?? ''
  }

  /** Whether trying the same again may succeed. */
  get isRetryable(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500
  }
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function blanks(value: unknown): Record<string, string> {
  if (typeof value !== 'object' || value === null) return {}
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, String(one)]))
}

/** Reads a problem document; anything else becomes a problem with the status alone. */
export function problemFrom(status: number, body: unknown): Problem {
  if (typeof body !== 'object' || body === null) return new Problem({ status })
  const raw = body as Record<string, unknown>
  const fields = Array.isArray(raw.errors)
    ? raw.errors.flatMap((entry: unknown) => {
        if (typeof entry !== 'object' || entry === null) return []
        const one = entry as Record<string, unknown>
        return [{ field: text(one.field ?? one.path ?? one.pointer), message: text(one.message ?? one.detail), code: text(one.code), params: blanks(one.params) }]
      })
    : []
  return new Problem({ status, type: text(raw.type), title: text(raw.title), detail: text(raw.detail), fields, operation: text(raw.operation) })
}

/** Turns anything that was thrown into a problem. */
export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error
  if (error instanceof TypeError) return new Problem({ status: 0, title: 'network' })
  return new Problem({ status: 0, title: error instanceof Error ? error.message : String(error) })
}
