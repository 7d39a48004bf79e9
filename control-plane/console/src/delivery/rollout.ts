import { toMs } from '@/format/time'
import type { Tone } from '@/ui/StatusDot.vue'
import { deploymentTone, isFinal } from './deploymentTone'
import type { DeploymentDetail, DeploymentHost, DeploymentStatus } from './useDeployments'

/** How many hosts are where, in the order in which a rollout is read: done, at it, trouble, to come. */
export interface Part {
  /** Hosts that failed and put back what ran there are told apart from those that went back with the rest. */
  status: DeploymentStatus | 'failedBack'
  tone: Tone
  count: number
  /** Of all hosts. */
  ratio: number
}

const ORDER = ['success', 'running', 'failure', 'failedBack', 'rolledBack', 'cancelled', 'skipped', 'waitingApproval', 'pending'] as const

export function parts(hosts: readonly DeploymentHost[]): Part[] {
  const counts = new Map<Part['status'], number>()
  for (const host of hosts) {
    const status = hostStatus(host)
    const part = status === 'rolledBack' && isCulprit(host) ? 'failedBack' : status
    counts.set(part, (counts.get(part) ?? 0) + 1)
  }
  return ORDER.flatMap((status) => {
    const count = counts.get(status)
    return count ? [{ status, tone: status === 'failedBack' ? ('bad' as const) : deploymentTone(status), count, ratio: count / hosts.length }] : []
  })
}

export interface Batch {
  /** From 1. */
  number: number
  hosts: DeploymentHost[]
}

export function batches(hosts: readonly DeploymentHost[]): Batch[] {
  const found = new Map<number, DeploymentHost[]>()
  for (const host of hosts) found.set(host.batch, [...(found.get(host.batch) ?? []), host])
  return [...found].sort(([a], [b]) => a - b).map(([batch, own]) => ({ number: batch + 1, hosts: own }))
}

/** Where a host is, counted as the server counts: back, or on its way there; one that could not go back is where it was. */
export function hostStatus(host: DeploymentHost): DeploymentStatus {
  switch (host.back?.status) {
    case 'success':
      return 'rolledBack'
    case 'pending':
    case 'waitingApproval':
    case 'running':
      return 'running'
    default:
      return host.status
  }
}

/** It failed by itself: a host that went back with the rest did not. */
export function isCulprit(host: DeploymentHost): boolean {
  return host.status === 'failure' || (host.status === 'rolledBack' && !host.back)
}

/** It should have gone back and did not. */
export function isStuck(host: DeploymentHost): boolean {
  return host.back !== undefined && host.back !== null && ['failure', 'cancelled', 'rolledBack', 'skipped'].includes(host.back.status)
}

/** What is to be said of a rollout that more hosts failed in than may: how many did, and where the others are. */
export function stopped(seen: DeploymentDetail): { key: string; blanks: Record<string, number> } | undefined {
  if (seen.phase !== 'rollingBack' || seen.cancelAsked) return undefined
  const of = (is: (host: DeploymentHost) => boolean) => seen.hosts.filter(is).length
  const failed = of(isCulprit)
  if (failed === 0) return undefined
  const all = { failed, total: seen.hosts.length }
  if (!isFinal(seen.status)) return { key: 'rolling.goesBack', blanks: all }
  const back = of((host) => host.back?.status === 'success')
  return { key: 'rolling.wentBack', blanks: { ...all, back, left: of((host) => host.status === 'skipped') } }
}

/** What one wants to see first: what failed, else what is under way, else the first. */
export function telling(hosts: readonly DeploymentHost[]): string {
  const of = (...wanted: DeploymentStatus[]) => hosts.find((host) => wanted.includes(hostStatus(host)))
  return (hosts.find(isStuck) ?? hosts.find(isCulprit) ?? of('running') ?? hosts[0])?.hostId ?? ''
}

export interface Moment {
  key: string
  at: string
  /** i18n key and its blanks. */
  text: string
  blanks: Record<string, string | number>
  tone: Tone
  note?: string
}

/** What happened to a deployment, oldest first. */
export function timeline(seen: DeploymentDetail): Moment[] {
  const found: Moment[] = [{ key: 'asked', at: seen.createdAt, text: 'timeline.asked', blanks: { name: seen.triggeredBy.name }, tone: 'idle' }]
  for (const one of seen.approvals) {
    found.push({ key: `approved-${one.at}`, at: one.at, text: 'timeline.approved', blanks: { name: one.name }, tone: 'ok', note: one.comment || undefined })
  }
  if (seen.startedAt) found.push({ key: 'began', at: seen.startedAt, text: 'timeline.began', blanks: {}, tone: 'idle' })
  const all = batches(seen.hosts)
  for (const batch of all.length > 1 ? all : []) {
    const ends = batch.hosts.flatMap((host) => host.endedAt ?? [])
    const last = ends.length === batch.hosts.length ? ends.reduce((a, b) => (toMs(a) > toMs(b) ? a : b)) : undefined
    const bad = batch.hosts.filter(isCulprit).length
    // One that never began says nothing.
    if (!last || batch.hosts.every((host) => !host.startedAt)) continue
    found.push({
      key: `batch-${batch.number}`,
      at: last,
      text: bad ? 'timeline.batchBad' : 'timeline.batch',
      blanks: { number: batch.number, total: seen.batches, bad, hosts: batch.hosts.length },
      tone: bad ? 'bad' : 'ok',
    })
  }
  if (seen.completedAt) found.push({ key: 'ended', at: seen.completedAt, text: `timeline.${seen.status}`, blanks: {}, tone: deploymentTone(seen.status) })
  return found.sort((a, b) => toMs(a.at) - toMs(b.at))
}
