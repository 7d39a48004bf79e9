import { computed, type ComputedRef } from 'vue'
import { keepPreviousData, useQuery } from '@tanstack/vue-query'
import { useI18n } from 'vue-i18n'
import type { RouteLocationRaw } from 'vue-router'
import { body, server, type Schemas } from '@/api/server'
import type { Mark } from '@/charts/marks'
import type { TimeWindow } from '@/charts/range'
import { severityTone } from '@/alerts/alertText'
import { deploymentTone } from '@/delivery/deploymentTone'
import type { DeploymentStatus } from '@/delivery/useDeployments'
import { toMs } from '@/format/time'
import { executionTone } from '@/schema/tones'
import type { ExecutionStatus } from '@/schema/useReleases'
import type { Tone } from '@/ui/StatusDot.vue'

export type Annotation = Schemas['Annotation']

/** Something that happened, as it is shown beside the charts. */
export interface Event extends Mark {
  kind: Annotation['kind']
  tone: Tone
  word: string
  to: RouteLocationRaw
}

/** The window moves on all the time; what happened is asked for at these steps only. */
const EVERY_MS = 15_000

/** What happened to a host in the time that its charts show, newest first. */
export function useAnnotations(host: () => string, window: () => TimeWindow): { events: ComputedRef<Event[]>; truncated: ComputedRef<boolean> } {
  const { t } = useI18n()
  const span = computed(() => {
    const { from, to } = window()
    return { from: Math.floor(from / EVERY_MS) * EVERY_MS, to: Math.ceil(to / EVERY_MS) * EVERY_MS }
  })
  const query = useQuery({
    queryKey: computed(() => ['annotations', host(), span.value.from, span.value.to]),
    queryFn: ({ signal }) => {
      const params = { path: { id: host() }, query: { from: String(span.value.from), to: String(span.value.to) } }
      return body(server.GET('/api/v1/hosts/{id}/annotations', { params, signal }))
    },
    gcTime: 20_000,
    staleTime: EVERY_MS,
    placeholderData: keepPreviousData,
  })
  return {
    events: computed(() => (query.data.value?.items ?? []).map((one) => eventOf(one, t)).reverse()),
    truncated: computed(() => query.data.value?.truncated ?? false),
  }
}

/** A kind's colour is the same on every chart; an alert's says how bad it is. */
export function eventOf(one: Annotation, t: (key: string, values?: Record<string, unknown>) => string): Event {
  const at = toMs(one.at)
  switch (one.kind) {
    case 'deployment':
      return {
        key: one.id,
        kind: one.kind,
        at,
        color: '--series-1',
        label: t('marks.deployment', { name: one.application, version: one.version }),
        tone: deploymentTone(one.status as DeploymentStatus) ?? 'idle',
        word: t(`deploymentStatus.${one.status}`),
        to: { name: 'deployment', params: { id: one.id } },
      }
    case 'release':
      return {
        key: one.id,
        kind: one.kind,
        at,
        color: '--series-4',
        label: t('marks.release', { database: one.database, version: one.version, server: one.server }),
        tone: executionTone(one.status as ExecutionStatus) ?? 'idle',
        word: t(`executionStatus.${one.status}`),
        to: { name: 'execution', params: { id: one.id } },
      }
    case 'alert': {
      const over = one.endedAt != null
      return {
        key: one.id,
        kind: one.kind,
        at,
        until: over ? toMs(one.endedAt as string) : null,
        color: one.severity === 'critical' ? '--bad' : one.severity === 'warning' ? '--warn' : '--ink-3',
        label: t('marks.alert', { rule: one.container ? `${one.rule} (${one.container})` : one.rule }),
        tone: over ? 'ok' : severityTone(one.severity as 'info' | 'warning' | 'critical'),
        word: t(`alerts.standing.${over ? 'resolved' : 'firing'}`),
        to: { name: 'alerts', params: { tab: over ? 'history' : '' } },
      }
    }
  }
}
