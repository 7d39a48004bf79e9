import { body, server } from '@/api/server'
import { useThing } from '@/api/useThing'
import type { Ways } from './api'

/** The ways to sign in here. */
export function useWays() {
  return useThing<Ways>(
    () => ['ways'],
    (signal) => body(server.GET('/api/v1/auth/ways', { signal })),
  )
}
