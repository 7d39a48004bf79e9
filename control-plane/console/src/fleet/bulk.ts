import { asProblem, type Problem } from '@/api/problem'
import { lines, pairs } from '@/delivery/containerText'
import type { Host, HostPatch } from './useHosts'

/** Changing many hosts alike: one call for each, so that each is checked, audited and refused for itself. */

/** So many at once in one go. */
export const MOST_HOSTS = 200
/** So many calls are under way at a time. */
const AT_ONCE = 4

/** Neither can be an id or the name of an environment. */
export const KEEP = '=keep'
export const NOWHERE = '=none'

export interface BulkForm {
  cluster: string
  environment: string
  business: string
  setLabels: string
  dropLabels: string
}

export const UNCHANGED: BulkForm = { cluster: KEEP, environment: KEEP, business: KEEP, setLabels: '', dropLabels: '' }

export function changesLabels(form: BulkForm): boolean {
  return form.setLabels.trim() !== '' || form.dropLabels.trim() !== ''
}

export function changesAnything(form: BulkForm): boolean {
  return changesLabels(form) || [form.cluster, form.environment, form.business].some((one) => one !== KEEP)
}

/** Labels in the order of their names, as the server keeps them. */
function sameLabels(a: Record<string, string>, b: Record<string, string>): boolean {
  const text = (all: Record<string, string>) => JSON.stringify(Object.entries(all).sort(([x], [y]) => (x < y ? -1 : 1)))
  return text(a) === text(b)
}

/** What is to be changed of this host; empty if it is like that already. */
export function patchFor(host: Host, form: BulkForm): HostPatch {
  const patch: HostPatch = {}
  const place = (value: string) => (value === NOWHERE ? null : value)
  if (form.cluster !== KEEP && place(form.cluster) !== (host.clusterId ?? null)) patch.clusterId = place(form.cluster)
  if (form.environment !== KEEP && place(form.environment) !== (host.environment ?? null)) patch.environment = place(form.environment)
  if (form.business !== KEEP && Number(form.business) !== host.businessStatus) patch.businessStatus = Number(form.business)
  if (changesLabels(form)) {
    const dropped = new Set(lines(form.dropLabels.replaceAll(',', '\n')))
    const kept = Object.entries(host.labels ?? {}).filter(([key]) => !dropped.has(key))
    const labels = { ...Object.fromEntries(kept), ...pairs(form.setLabels) }
    if (!sameLabels(labels, host.labels ?? {})) patch.labels = labels
  }
  return patch
}

export type HostOutcome = { host: Host; done: 'changed' | 'same' } | { host: Host; done: 'failed'; problem: Problem }

export interface HostCalls {
  /** The host as it is now: labels are replaced as a whole, and must not undo what somebody else set meanwhile. */
  read: (id: string) => Promise<Host>
  change: (id: string, patch: HostPatch) => Promise<unknown>
}

async function changeOne(host: Host, form: BulkForm, calls: HostCalls): Promise<HostOutcome> {
  try {
    const now = changesLabels(form) ? await calls.read(host.id) : host
    const patch = patchFor(now, form)
    if (Object.keys(patch).length === 0) return { host, done: 'same' }
    await calls.change(host.id, patch)
    return { host, done: 'changed' }
  } catch (error) {
    return { host, done: 'failed', problem: asProblem(error) }
  }
}

/** Changes them a few at a time and tells of each; ends early when `stopped` says so, after those that are under way. */
export async function changeHosts(hosts: readonly Host[], form: BulkForm, calls: HostCalls, tell: (outcome: HostOutcome) => void, stopped: () => boolean): Promise<void> {
  const left = hosts.slice(0, MOST_HOSTS)
  const hand = async () => {
    for (let host = left.shift(); host !== undefined && !stopped(); host = left.shift()) tell(await changeOne(host, form, calls))
  }
  await Promise.all(Array.from({ length: AT_ONCE }, hand))
}
