import { computed, type ComputedRef, type Ref } from 'vue'
import { useI18n } from 'vue-i18n'
import type { RouteLocationRaw } from 'vue-router'
import { severityTone } from '@/alerts/alertText'
import type { Alert } from '@/alerts/useAlerts'
import type { Deployment } from '@/delivery/useDeployments'
import type { Host } from '@/fleet/useHosts'
import { fullestDisk } from '@/fleet/readings'
import type { Execution, Ticket } from '@/schema/useReleases'
import type { Instant } from '@/format/time'
import { useSession } from '@/session/session'
import type { Tone } from '@/ui/StatusDot.vue'
import { useFormat } from '@/ui/useFormat'

export interface Trouble {
  key: string
  tone: Tone
  text: string
  at?: Instant | null
  to: RouteLocationRaw
}

/** From this share on a file system is worth a look. */
const DISK_FULL = 0.9
/** So many of a kind are told one by one; more are counted. */
const FEW = 3

/** What is wrong right now, worst first. */
export function useTrouble(
  hosts: Ref<Host[]>,
  deployments: Ref<Deployment[]>,
  executions: Ref<Execution[]>,
  waiting: Ref<Ticket[]>,
  alerts: Ref<Alert[]>,
): ComputedRef<Trouble[]> {
  const { t } = useI18n()
  const format = useFormat()
  const session = useSession()
  return computed(() => {
    const found: Trouble[] = []
    const down = hosts.value.filter((host) => host.status === 'offline')
    if (down.length > FEW) {
      found.push({ key: 'down', tone: 'bad', text: t('overview.hostsDown', down.length), to: { name: 'hosts', query: { status: 'offline' } } })
    }
    for (const host of hosts.value) {
      const to = { name: 'host', params: { id: host.id } }
      if (host.status === 'offline' && down.length <= FEW)
        found.push({ key: `${host.id}:down`, tone: 'bad', text: t('overview.hostDown', { name: host.name }), at: host.lastSeenAt, to })
      if (host.status === 'degraded')
        found.push({ key: `${host.id}:slow`, tone: 'warn', text: t('overview.hostDegraded', { name: host.name }), at: host.lastSeenAt, to })
      const disk = fullestDisk(host.latest)
      if (disk && disk.ratio >= DISK_FULL) {
        const percent = format.percent(Math.round(disk.ratio * 100))
        found.push({ key: `${host.id}:disk`, tone: 'warn', text: t('overview.diskFull', { name: host.name, mount: disk.mount, percent }), to })
      }
    }
    const offline = new Set(down.map((host) => host.id))
    for (const [rule, [first, ...others]] of firing(alerts.value, offline)) {
      const name = { rule: first.ruleName, host: first.container ? `${first.hostName} · ${first.container}` : first.hostName }
      const text = others.length ? t('overview.alertFiresMore', { ...name, n: others.length }, others.length) : t('overview.alertFires', name)
      found.push({ key: rule, tone: severityTone(first.severity), text, at: first.firedAt, to: { name: 'alerts' } })
    }
    if (session.may('deployment:approve')) {
      for (const one of deployments.value.filter((each) => each.status === 'waitingApproval')) {
        const text = t('overview.deployWaits', { name: one.applicationName, version: one.version, environment: one.environment })
        found.push({ key: `${one.id}:waits`, tone: 'busy', text, at: one.createdAt, to: { name: 'deployment', params: { id: one.id } } })
      }
    }
    // The last word on an application in an environment counts, not every failure before it.
    const told = new Set<string>()
    for (const one of deployments.value) {
      const where = `${one.applicationId} ${one.environment}`
      if (told.has(where) || one.status === 'cancelled') continue
      told.add(where)
      if (one.status !== 'failure' && one.status !== 'rolledBack') continue
      const text = t('overview.deployFailed', { name: one.applicationName, version: one.version })
      const to = { name: 'deployment', params: { id: one.id } }
      found.push({ key: one.id, tone: one.status === 'failure' ? 'bad' : 'warn', text, at: one.completedAt ?? one.createdAt, to })
    }
    for (const one of executions.value) {
      const where = `${one.releaseId} ${one.server}`
      if (told.has(where) || one.dryRun || one.status === 'cancelled') continue
      told.add(where)
      if (one.status !== 'failure' && one.status !== 'needsAttention' && one.status !== 'rolledBack') continue
      const text = t('overview.releaseFailed', { version: one.version })
      found.push({ key: one.id, tone: 'bad', text, at: one.endedAt ?? one.createdAt, to: { name: 'execution', params: { id: one.id } } })
    }
    if (waiting.value.length) {
      const to = { name: 'releases', params: { tab: 'tickets' }, query: { status: 'pending' } }
      found.push({ key: 'tickets', tone: 'busy', text: t('overview.waiting', waiting.value.length), to })
    }
    return found.sort((a, b) => Number(b.tone === 'bad') - Number(a.tone === 'bad'))
  })
}

/** What fires and is not kept quiet, by rule. A host that is down is told of already. */
function firing(alerts: readonly Alert[], offline: ReadonlySet<string>): Map<string, [Alert, ...Alert[]]> {
  const rules = new Map<string, [Alert, ...Alert[]]>()
  for (const alert of alerts) {
    if (alert.silencedBy || alert.inhibited || (alert.kind === 'hostDown' && offline.has(alert.hostId))) continue
    const known = rules.get(alert.ruleId)
    if (known) known.push(alert)
    else rules.set(alert.ruleId, [alert])
  }
  return rules
}
