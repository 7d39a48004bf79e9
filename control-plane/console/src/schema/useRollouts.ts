import { body, server, type Schemas } from '@/api/server'
import { useList } from '@/api/useList'
import { useThing } from '@/api/useThing'
import { isStill } from './rolloutText'

export type Rollout = Schemas['ReleaseRollout']
export type RolloutDetail = Schemas['ReleaseRolloutDetail']
export type Word = 'continue' | 'resume' | 'cancel'

export function useRollouts(release: () => string) {
  return useList<Rollout>(
    () => ['releaseRollouts', release()],
    (cursor, signal) => body(server.GET('/api/v1/schema/releases/{id}/rollouts', { params: { path: { id: release() }, query: { cursor, limit: 10 } }, signal })),
    { refreshMs: 10_000 },
  )
}

export function useRollout(id: () => string) {
  return useThing<RolloutDetail>(
    () => ['releaseRollout', id()],
    (signal) => body(server.GET('/api/v1/schema/rollouts/{id}', { params: { path: { id: id() } }, signal })),
    { refreshMs: (seen) => (seen && isStill(seen) ? false : 2_000) },
  )
}

export function rollOut(id: string, input: Schemas['NewReleaseRollout']): Promise<Schemas['RollingOut']> {
  return body(server.POST('/api/v1/schema/releases/{id}/rollouts', { params: { path: { id } }, body: input }))
}

export function say(id: string, word: Word): Promise<RolloutDetail> {
  const init = { params: { path: { id } } }
  switch (word) {
    case 'continue':
      return body(server.POST('/api/v1/schema/rollouts/{id}/continue', init))
    case 'resume':
      return body(server.POST('/api/v1/schema/rollouts/{id}/resume', init))
    case 'cancel':
      return body(server.POST('/api/v1/schema/rollouts/{id}/cancel', init))
  }
}
