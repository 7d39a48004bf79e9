import { body, server, some, type Schemas } from '@/api/server'
import { useList } from '@/api/useList'
import { useThing } from '@/api/useThing'

export type Alert = Schemas['Alert']
export type AlertRule = Schemas['AlertRule']
export type AlertSilence = Schemas['AlertSilence']
export type AlertReceiver = Schemas['AlertReceiver']
export type SeriesInfo = Schemas['SeriesInfo']
export type View = 'active' | 'firing' | 'history'

const EVERY_MS = 10_000

export function useAlerts(filter: () => { view: View; severity: string; limit?: number }, enabled: () => boolean = () => true) {
  return useList<Alert>(
    () => ['alerts', filter()],
    (cursor, signal) => {
      const { view, severity, limit } = filter()
      const query = some({ view, limit, severity: (severity || undefined) as Alert['severity'] | undefined, cursor })
      return body(server.GET('/api/v1/alerts', { params: { query }, signal }))
    },
    { refreshMs: EVERY_MS, enabled },
  )
}

export function acknowledgeAlert(id: string, note: string): Promise<Alert> {
  return body(server.POST('/api/v1/alerts/{id}/acknowledge', { params: { path: { id } }, body: { note } }))
}

export async function takeBackAcknowledgement(id: string): Promise<void> {
  await server.DELETE('/api/v1/alerts/{id}/acknowledge', { params: { path: { id } } })
}

export function useRules() {
  return useList<AlertRule>(
    () => ['alertRules'],
    (cursor, signal) => body(server.GET('/api/v1/alerts/rules', { params: { query: { cursor, limit: 200 } }, signal })),
  )
}

export function createRule(input: Schemas['AlertRuleInput']): Promise<AlertRule> {
  return body(server.POST('/api/v1/alerts/rules', { body: input }))
}

export function replaceRule(id: string, input: Schemas['AlertRuleInput']): Promise<AlertRule> {
  return body(server.PUT('/api/v1/alerts/rules/{id}', { params: { path: { id } }, body: input }))
}

export async function deleteRule(id: string): Promise<void> {
  await server.DELETE('/api/v1/alerts/rules/{id}', { params: { path: { id } } })
}

export function useSilences() {
  return useList<AlertSilence>(
    () => ['alertSilences'],
    (cursor, signal) => body(server.GET('/api/v1/alerts/silences', { params: { query: { cursor } }, signal })),
    { refreshMs: 6 * EVERY_MS },
  )
}

export function createSilence(input: Schemas['NewAlertSilence']): Promise<AlertSilence> {
  return body(server.POST('/api/v1/alerts/silences', { body: input }))
}

export async function endSilence(id: string): Promise<void> {
  await server.DELETE('/api/v1/alerts/silences/{id}', { params: { path: { id } } })
}

export function useReceivers() {
  return useList<AlertReceiver>(
    () => ['alertReceivers'],
    (cursor, signal) => body(server.GET('/api/v1/alerts/receivers', { params: { query: { cursor, limit: 200 } }, signal })),
  )
}

export function createReceiver(input: Schemas['AlertReceiverInput']): Promise<AlertReceiver> {
  return body(server.POST('/api/v1/alerts/receivers', { body: input }))
}

export function replaceReceiver(id: string, input: Schemas['AlertReceiverInput']): Promise<AlertReceiver> {
  return body(server.PUT('/api/v1/alerts/receivers/{id}', { params: { path: { id } }, body: input }))
}

export async function deleteReceiver(id: string): Promise<void> {
  await server.DELETE('/api/v1/alerts/receivers/{id}', { params: { path: { id } } })
}

export function testReceiver(id: string): Promise<Schemas['AlertReceiverTest']> {
  return body(server.POST('/api/v1/alerts/receivers/{id}/test', { params: { path: { id } } }))
}

/** What can be watched; it changes with the version only. */
export function useSeries() {
  return useThing<SeriesInfo[]>(
    () => ['series'],
    (signal) => body(server.GET('/api/v1/metrics/series', { signal })),
  )
}
