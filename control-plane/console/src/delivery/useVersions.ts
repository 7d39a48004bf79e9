import { body, server, some, type Schemas } from '@/api/server'
import { useList } from '@/api/useList'
import { useThing } from '@/api/useThing'
import type { Tone } from '@/ui/StatusDot.vue'

export type Version = Schemas['Version']
export type RegistryRead = Schemas['RegistryRead']
export type BuildStatus = Schemas['BuildStatus']

export function useVersions(id: () => string, search: () => string) {
  return useList<Version>(
    () => ['versions', id(), search()],
    (cursor, signal) => body(server.GET('/api/v1/applications/{id}/versions', { params: { path: { id: id() }, query: some({ cursor, search: search() }) }, signal })),
    { refreshMs: 15_000 },
  )
}

/** Reads the application's registry: when the page is opened, each minute while it stays open, and when it is asked for. */
export function useRegistryRead(id: () => string) {
  return useThing<RegistryRead>(
    () => ['registry-read', id()],
    (signal) => body(server.POST('/api/v1/applications/{id}/read-registry', { params: { path: { id: id() } }, signal })),
    { refreshMs: () => 60_000 },
  )
}

/** A build's log, if there is one to read. */
export function useBuildLog(id: () => string, version: () => string) {
  return useThing<string>(
    () => ['build-log', id(), version()],
    async (signal) => (await body(server.GET('/api/v1/applications/{id}/versions/{version}/log', { params: { path: { id: id(), version: version() } }, signal }))).log,
    { enabled: () => version() !== '' },
  )
}

export function buildTone(status: BuildStatus): Tone {
  switch (status) {
    case 'building':
      return 'busy'
    case 'built':
      return 'ok'
    case 'buildFailed':
      return 'bad'
  }
}

/** The part of a digest that people compare. */
export function shortDigest(digest: string): string {
  return digest.replace('sha256:', '').slice(0, 12)
}

/** Whether the tag points to another image than the one that a deployment brought. */
export function wasMoved(version: Version): boolean {
  const now = version.registry?.digest
  return now != null && version.runs.some((run) => run.digest != null && run.digest !== now)
}
