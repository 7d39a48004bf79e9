import { body, server, type Schemas } from '@/api/server'
import { useThing } from '@/api/useThing'
import type { Tone } from '@/ui/StatusDot.vue'

export type DeploymentTarget = Schemas['DeploymentTarget']
export type TargetState = DeploymentTarget['state']

/** The hosts of an environment, with what should run there and what does. */
export function useTargets(id: () => string, environment: () => string) {
  return useThing<DeploymentTarget[]>(
    () => ['application', id(), 'targets', environment()],
    async (signal) => (await body(server.GET('/api/v1/applications/{id}/environments/{name}/targets', { params: { path: { id: id(), name: environment() } }, signal }))).items,
    { refreshMs: () => 5_000 },
  )
}

/** Deploys again what succeeded last, to the hosts that drifted. */
export async function putRight(id: string, environment: string): Promise<string> {
  const made = await body(server.POST('/api/v1/applications/{id}/environments/{name}/reconcile', { params: { path: { id, name: environment } }, body: {} }))
  return made.deploymentId
}

export function targetTone(state: TargetState): Tone {
  switch (state) {
    case 'inStep':
      return 'ok'
    case 'missing':
    case 'replaced':
    case 'otherImage':
      return 'bad'
    case 'stopped':
      return 'warn'
    case 'ended':
    case 'unknown':
    case 'notDeployed':
      return 'idle'
  }
}

const ORDER: TargetState[] = ['missing', 'replaced', 'otherImage', 'stopped', 'unknown', 'ended', 'notDeployed', 'inStep']

/** How many hosts are in which state, the loudest first. */
export function byState(all: DeploymentTarget[]): { state: TargetState; count: number }[] {
  return ORDER.map((state) => ({ state, count: all.filter((one) => one.state === state).length })).filter(({ count }) => count > 0)
}

/** As much of a digest as tells two apart. */
export function shortDigest(digest: string | null | undefined): string {
  return digest ? digest.replace(/^sha256:/, '').slice(0, 12) : ''
}
