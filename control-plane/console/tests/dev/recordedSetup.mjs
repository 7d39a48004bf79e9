/**
 * Recorded answers about setting up. The database's name decides: `blog` holds somebody else's data, `old` tables of the
 * wrong shape, `gone` goes away in the middle, `anew` ends with the control plane started anew; any other is installed.
 */
const flaw = (code, params, message = code) => ({ field: 'database', code, message, params })
const WRONG = {
  blog: [flaw('table-foreign', { table: 'blog' }), flaw('table-foreign', { table: 'comments' })],
  old: [
    ...['email', 'platform_id', 'password_hash', 'registered_by'].map((column) => flaw('column-missing', { table: 'users', column })),
    flaw('column-unknown', { table: 'users', column: 'nick' }),
    flaw('column-type', { table: 'orgs', column: 'id' }),
  ],
  none: [flaw('database-missing', { name: 'none' })],
}
const TABLES = ['users', 'orgs', 'members', 'hosts', 'clusters', 'environments', 'samples']
const step = (name, state, more = {}) => ({ step: name, table: null, state, detail: '', errors: [], ...more })
const done = (name) => [step(name, 'running'), step(name, 'done')]
const STORY = {
  gone: [...done('key'), ...done('check'), step('tables', 'running'), step('tables', 'failed', { errors: [flaw('database-gone', { words: 'connection reset by peer (os error 104)' })] })],
  anew: [...done('key'), ...done('check'), step('tables', 'running')],
  good: [...done('key'), ...done('check'), step('tables', 'running'), ...TABLES.map((table) => step('table', 'done', { table, detail: 'created' })), step('tables', 'done'), ...done('base'), ...done('configuration')],
}
let asked = ''
let restarted = false

/** The stream of an installation; false if this is no call for it. */
export function setupStream(request, response) {
  if (!/^\/api\/v1\/setup\/progress/.test(request.url ?? '')) return false
  if (restarted) {
    response.writeHead(404, { 'content-type': 'application/problem+json' })
    response.end(JSON.stringify({ type: 'not-found', title: 'Not found', status: 404 }))
    return true
  }
  const steps = STORY[asked] ?? STORY.good
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  steps.forEach((one, i) => response.write(`id: ${i}\nevent: step\ndata: ${JSON.stringify(one)}\n\n`))
  if (asked === 'anew') restarted = true
  else response.write(`id: ${steps.length}\nevent: end\ndata: ${asked === 'gone' ? 'failed' : 'installed'}\n\n`)
  response.end()
  return true
}

export function setupAnswer({ method, url, body }) {
  const path = url.pathname.replace('/api/v1/setup', '')
  if (path === '' && method === 'GET') return [200, { installed: false, installing: false }]
  const refused = (errors) => [422, { type: 'invalid', title: 'Invalid input', status: 422, detail: 'the input is not valid', errors }]
  if (body.token === 'wrong') return refused([{ field: 'token', code: 'setup-token', message: 'is not the setup token', params: {} }])
  asked = body.database.kind === 'sqlite' ? 'good' : body.database.database
  restarted = false
  if (WRONG[asked]) return refused(WRONG[asked])
  if (path === '/test') return [200, { server: 'PostgreSQL 17.2', outcome: 'create' }]
  return [202, { installationId: 'recorded' }]
}
