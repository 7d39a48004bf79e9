import { Problem } from '@/api/problem'
import type { ApplicationEnvironment } from './useApplications'
import { asForm, pairs, pairsText } from './containerText'

/** An application's environment as a form holds it, and back. */
export interface EnvironmentForm {
  name: string
  hosts: string[]
  selector: string
  approval: string
  queue: string
  batchSize: string
  orderBy: string
  pause: string
  maxFailures: string
  onFailure: string
  offline: string
  waitS: string
  imageWaitS: string
  drift: string
  keepImages: string
  overrides: string
}

type Rollout = NonNullable<ApplicationEnvironment['rollout']>
type Share = Exclude<Rollout['maxFailures'], undefined>

function shareText(share: Share | null | undefined): string {
  return share == null ? '' : String(share)
}

/** `3` is a number of hosts, `25%` a part of them. */
function share(text: string): Share | null {
  const trimmed = text.trim()
  if (!trimmed) return null
  return trimmed.endsWith('%') ? trimmed : Number(trimmed)
}

export function environmentToForm(name: string, one: ApplicationEnvironment): EnvironmentForm {
  const rollout = one.rollout ?? {}
  const container = one.overrides?.container ?? {}
  return {
    name,
    hosts: [...(one.hosts ?? [])],
    selector: pairsText(one.selector),
    approval: one.approvalRequired ? 'yes' : 'no',
    queue: rollout.queue ?? 'supersede',
    batchSize: shareText(rollout.batchSize),
    orderBy: rollout.orderBy ?? '',
    pause: rollout.pauseAfterFirst ? 'yes' : 'no',
    maxFailures: shareText(rollout.maxFailures ?? 0),
    onFailure: rollout.onFailure ?? 'stop',
    offline: rollout.offline ?? 'wait',
    waitS: String(rollout.waitS ?? 1800),
    imageWaitS: one.imageWaitS == null ? '' : String(one.imageWaitS),
    drift: one.drift ?? 'show',
    keepImages: one.keepImages == null ? '' : String(one.keepImages),
    overrides: Object.keys(container).length ? JSON.stringify(container, null, 2) : '',
  }
}

/** What is different here, as JSON; anything else is said under its field. */
function overridesOf(text: string, said: string): Record<string, never> {
  if (!text.trim()) return {}
  try {
    const parsed: unknown = JSON.parse(text)
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return parsed as Record<string, never>
  } catch {
    // Said below.
  }
  throw new Problem({ status: 422, fields: [{ field: 'overrides', message: said }] })
}

/** With what the form does not ask for as it was before. */
export function environmentFromForm(form: EnvironmentForm, before: ApplicationEnvironment, saidOfJson: string): ApplicationEnvironment {
  return {
    ...before,
    hosts: [...form.hosts],
    selector: pairs(form.selector),
    approvalRequired: form.approval === 'yes',
    imageWaitS: form.imageWaitS.trim() ? Number(form.imageWaitS) : null,
    drift: form.drift as ApplicationEnvironment['drift'],
    keepImages: form.keepImages.trim() ? Number(form.keepImages) : null,
    overrides: { ...before.overrides, container: overridesOf(form.overrides, saidOfJson) },
    rollout: {
      ...before.rollout,
      batchSize: share(form.batchSize),
      orderBy: form.orderBy.trim() || null,
      pauseAfterFirst: form.pause === 'yes',
      maxFailures: share(form.maxFailures) ?? 0,
      onFailure: form.onFailure as Rollout['onFailure'],
      offline: form.offline as Rollout['offline'],
      waitS: Number(form.waitS) || 1800,
      queue: form.queue as Rollout['queue'],
    },
  }
}

/** The server names fields by the whole path. */
export function asEnvironmentForm(error: unknown): unknown {
  return asForm(error, [
    [/^environments\.[^.]+\.rollout\.(\w+)/, '$1'],
    [/^environments\.[^.]+\.imageWaitS/, 'imageWaitS'],
    [/^environments\.[^.]+\.keepImages/, 'keepImages'],
    [/^environments\.[^.]+\.overrides/, 'overrides'],
    [/^container\b/, 'overrides'],
    [/^environments\.[^.]+$/, 'name'],
  ])
}
