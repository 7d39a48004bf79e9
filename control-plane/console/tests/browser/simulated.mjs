/** Simulated hosts (tests/simulator) of the org whose administrator `account` is. They leave with this process. */
import { spawn } from 'node:child_process'
import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { PASSWORD } from './cast.mjs'
import { until } from './outside.mjs'

/**
 * `broken` put back whatever they are given, `sound` don't. `deeds` holds what hosts did about deploys, with `--tell` among
 * `more`; `change` is a line of the simulator's input.
 */
export async function simulate(program, base, account, agents, more = []) {
  const file = join(mkdtempSync(join(tmpdir(), 'muster-browser-')), 'password')
  writeFileSync(file, PASSWORD)
  chmodSync(file, 0o600)
  const child = spawn(program, ['hosts', '--control-plane', base, '--account', account, '--password-file', file, '--agents', String(agents), ...more], { stdio: ['pipe', 'pipe', 'inherit'] })
  const deeds = []
  const heard = []
  const first = await new Promise((done, failed) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const said = JSON.parse(line)
      if (said.hosts && said.broken) done(said)
      else if (said.did) deeds.push(said)
      else heard.push(line)
    })
    child.once('exit', (code) => failed(new Error(`the simulator ended with ${code}`)))
  })
  const { hosts, broken } = first
  const change = async (what) => {
    const line = JSON.stringify(what)
    const before = heard.length
    child.stdin.write(`${line}\n`)
    await until(`the simulator's answer to ${line.slice(0, 80)}`, () => heard.length > before)
  }
  return { hosts, broken, sound: hosts.filter((id) => !broken.includes(id)), deeds, change, close: () => child.stdin.end() }
}
