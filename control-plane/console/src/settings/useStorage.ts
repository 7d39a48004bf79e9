import { body, server, type Schemas } from '@/api/server'
import { useThing } from '@/api/useThing'

export type ReadingsStorage = Schemas['ReadingsStorage']
export type HostStorage = Schemas['HostStorage']
export type Retention = Schemas['Retention']
export type WantedDays = Schemas['WantedDays']

export const TIERS = ['raw', 'hour', 'day'] as const
export type Tier = (typeof TIERS)[number]

export function useStorage(enabled: () => boolean) {
  return useThing<ReadingsStorage>(
    () => ['readings', 'storage'],
    (signal) => body(server.GET('/api/v1/metrics/storage', { params: { query: { limit: 50 } }, signal })),
    { enabled, refreshMs: () => 60_000 },
  )
}

export function useRetention(enabled: () => boolean) {
  return useThing<Retention>(
    () => ['readings', 'retention'],
    (signal) => body(server.GET('/api/v1/metrics/retention', { signal })),
    { enabled },
  )
}

export function setRetention(wanted: WantedDays): Promise<Retention> {
  return body(server.PUT('/api/v1/metrics/retention', { body: wanted }))
}
