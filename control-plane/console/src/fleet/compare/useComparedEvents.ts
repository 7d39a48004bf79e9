import { computed } from 'vue'
import { keepPreviousData, useQuery } from '@tanstack/vue-query'
import { useI18n } from 'vue-i18n'
import { body, server } from '@/api/server'
import type { TimeWindow } from '@/charts/range'
import { eventOf, type Annotation, type Event } from '@/fleet/useAnnotations'
import type { ComparedHost } from './compared'

/** The window moves on all the time; what happened is asked for at these steps only. */
const EVERY_MS = 15_000

/** What happened to the hosts that are shown, newest first, each said with its host; nothing while nobody asks for it. */
export function useComparedEvents(hosts: () => readonly ComparedHost[], window: () => TimeWindow, wanted: () => boolean) {
  const { t } = useI18n()
  const shown = computed(() => hosts().filter((host) => !host.hidden && host.name))
  const span = computed(() => ({ from: String(Math.floor(window().from / EVERY_MS) * EVERY_MS), to: String(Math.ceil(window().to / EVERY_MS) * EVERY_MS) }))
  const found = useQuery({
    queryKey: computed(() => ['annotations', 'compared', shown.value.map(({ id }) => id).join(), span.value]),
    queryFn: async ({ signal }) => {
      const of = async (id: string) => ({ id, ...(await body(server.GET('/api/v1/hosts/{id}/annotations', { params: { path: { id }, query: span.value }, signal }))) })
      return Promise.all(shown.value.map(({ id }) => of(id)))
    },
    enabled: wanted,
    gcTime: 20_000,
    staleTime: EVERY_MS,
    placeholderData: keepPreviousData,
  })
  const events = computed<Event[]>(() => {
    if (!wanted()) return []
    const names = new Map(shown.value.map(({ id, name }) => [id, name]))
    const said = (one: Annotation, id: string, host: string): Event => {
      const event = eventOf(one, t)
      return { ...event, key: `${id}:${event.key}`, label: t('hostCompare.eventOn', { what: event.label, host }) }
    }
    const all = (found.data.value ?? []).flatMap(({ id, items }) => items.flatMap((one) => (names.has(id) ? [said(one as Annotation, id, names.get(id) ?? '')] : [])))
    return all.sort((a, b) => b.at - a.at)
  })
  return { events, truncated: computed(() => wanted() && (found.data.value ?? []).some((one) => one.truncated)) }
}
