/**
 * What `seedStory.mjs` is told with: an org of its own, a real agent of that org, and databases of its own on the
 * PostgreSQL and the MariaDB that `cargo verify` started. `iris` designs, `jon` approves and executes, `kim` owns the org.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createHmac, randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { PASSWORD, client } from './cast.mjs'
import { until } from './outside.mjs'

const AGENT_PATIENCE_MS = 60_000

const POLICY = `
[sql]
max_risk = "destructive"

[[databases]]
host = "127.0.0.1"
name = "*"
max_risk = "destructive"
`

const FLOW = {
  apiVersion: 'v1alpha1',
  kind: 'ApprovalFlow',
  metadata: { name: 'two-of-us', label: 'Two of us' },
  spec: { environments: ['prod'], steps: [{ name: 'Operations', role: 'ADMIN', quorum: 2 }] },
}

/** Runs a program to its end with `input`; answers what it said, or fails with why not. */
function ran(program, args, { env = {}, input = '' } = {}) {
  return new Promise((done, failed) => {
    const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: 'pipe' })
    const said = { stdout: '', stderr: '' }
    for (const name of Object.keys(said)) child[name].setEncoding('utf8').on('data', (text) => (said[name] += text))
    child.once('error', failed)
    child.once('close', (code) => (code === 0 ? done(said.stdout.trim()) : failed(new Error(`${program} ended with ${code}: ${said.stderr}`))))
    child.stdin.on('error', () => undefined)
    child.stdin.end(input)
  })
}

/** A client of a PostgreSQL database, by its URL: rows are lines, columns are separated by `|`. */
function postgres(program, url) {
  const args = ['--no-psqlrc', '--quiet', '--tuples-only', '--no-align', '--set=ON_ERROR_STOP=1', '--dbname', url]
  return (sql) => ran(program, args, { input: `${sql};\n` })
}

/** A client of a MariaDB database, by its URL. */
function mariadb(program, url) {
  const at = new URL(url)
  const args = ['--no-defaults', '--batch', '--skip-column-names', '--protocol=tcp', `--host=${at.hostname}`, `--port=${at.port}`, `--user=${at.username}`, `--database=${at.pathname.slice(1)}`]
  return (sql) => ran(program, args, { env: { MYSQL_PWD: decodeURIComponent(at.password) }, input: `${sql};\n` })
}

/** Another database of a server; as somebody else, with their name and password. */
function urlOf(server, database, login) {
  const url = new URL(server)
  url.pathname = `/${database}`
  if (login) [url.username, url.password] = login
  return url.href
}

/** The databases, empty, and who may do everything in them. */
async function databases({ psql, mariadbClient, postgresUrl, mysqlUrl }) {
  const password = randomBytes(12).toString('hex')
  const root = postgres(psql, urlOf(postgresUrl, 'postgres'))
  for (const name of ['library', 'library_prod']) await root(`drop database if exists ${name} with (force)`)
  await root('drop role if exists library')
  await root(`create role library login password '${password}'`)
  for (const name of ['library', 'library_prod']) await root(`create database ${name} owner library`)
  const maria = mariadb(mariadbClient, urlOf(mysqlUrl, 'mysql'))
  for (const sql of ['create or replace database depot', `create or replace user depot identified by '${password}'`, 'grant all on depot.* to depot']) await maria(sql)
  return {
    password,
    test: postgres(psql, urlOf(postgresUrl, 'library', ['library', password])),
    prod: postgres(psql, urlOf(postgresUrl, 'library_prod', ['library', password])),
    depot: mariadb(mariadbClient, urlOf(mysqlUrl, 'depot', ['depot', password])),
  }
}

/** Joins a host and runs its agent; the host is answered when it is online. */
async function host(owner, program, dir) {
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  writeFileSync(`${dir}/policy.toml`, POLICY, { mode: 0o600 })
  const grant = await owner('POST', '/join-tokens', { uses: 1, expiresInS: 600 })
  await ran(program, ['join', '--data', `${dir}/data`, '--server', grant.server, '--ca-fingerprint', grant.caFingerprint], { env: { MUSTER_JOIN_TOKEN: grant.token } })
  const child = spawn(program, ['run', '--data', `${dir}/data`, '--policy', `${dir}/policy.toml`, '--docker-host', `unix://${dir}/none.sock`, '--cloud', 'off'], { stdio: 'ignore' })
  const close = () => child.kill('SIGTERM')
  try {
    const online = async () => (await owner('GET', '/hosts')).items.find((one) => one.status === 'online')
    return { ...(await until('the host of the library', online, AGENT_PATIENCE_MS)), close }
  } catch (error) {
    close()
    throw error
  }
}

/** Who and what is there before the story begins; `close` ends the agent. */
export async function seedCast({ base, account, password, agent, agentDir, ...services }) {
  const admin = await client(base, account, password)
  const user = (username, nickName) => admin('POST', '/users', { username, password: PASSWORD, nickName })
  const kim = await user('kim', 'Kim Duarte')
  await user('iris', 'Iris Aalto')
  await user('jon', 'Jon Weber')
  await admin('POST', '/orgs', { name: 'Library', slug: 'library', ownerId: kim.id })
  const owner = await client(base, 'kim')
  await owner('POST', '/members', { username: 'iris', role: 'MEMBER' })
  await owner('POST', '/members', { username: 'jon', role: 'ADMIN' })
  await owner('POST', '/schema/apply', FLOW)
  const sql = await databases(services)
  const { id: hostId, close } = await host(owner, agent, agentDir)
  const server = (label, url, more) => owner('POST', '/schema/servers', { label, ip: '127.0.0.1', port: Number(new URL(url).port), password: sql.password, hostId, ...more })
  const pg = { type: 'Postgres', username: 'library' }
  await server('pg-test', services.postgresUrl, { ...pg, environment: 'test', databases: ['library'] })
  await server('pg-prod', services.postgresUrl, { ...pg, environment: 'prod', databases: ['library_prod'] })
  await server('maria-test', services.mysqlUrl, { type: 'MySQL', username: 'depot', environment: 'test', databases: ['depot'] })
  return { owner, sql, close }
}

/** A push to `main` as GitHub tells of it; answers the status and what came of it. */
export async function push(address, secret, sha, message) {
  const commits = [{ id: sha.repeat(40), message, author: { name: 'Iris Aalto', email: 'iris@example.com' } }]
  const repository = { id: 7, full_name: 'seed/library', default_branch: 'main' }
  const body = JSON.stringify({ ref: 'refs/heads/main', before: '0'.repeat(40), after: commits[0].id, deleted: false, commits, repository })
  const signature = `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`
  const answer = await fetch(address, { method: 'POST', body, headers: { 'content-type': 'application/json', 'x-github-event': 'push', 'x-hub-signature-256': signature } })
  const text = await answer.text()
  assert.ok(answer.ok || answer.status === 401, `${answer.status} ${text}`)
  return { status: answer.status, ...JSON.parse(text) }
}
