import { body, server, some, type Schemas } from '@/api/server'
import { useList } from '@/api/useList'
import { useThing } from '@/api/useThing'
import { toMs } from '@/format/time'
import { isFinal } from './deploymentTone'

export type Deployment = Schemas['Deployment']
export type DeploymentDetail = Schemas['DeploymentDetail']
export type DeploymentStatus = Deployment['status']
export type DeploymentHost = Schemas['DeploymentHost']
export type DeploymentStep = Schemas['DeploymentStep']
export type StepStatus = Schemas['DeploymentStep']['status']
type Accepted = Schemas['Accepted']

export interface DeploymentFilter {
  applicationId?: string
  environment?: string
  status?: DeploymentStatus | ''
  limit?: number
}

export function useDeployments(filter: () => DeploymentFilter, enabled: () => boolean = () => true) {
  return useList<Deployment>(
    () => ['deployments', filter()],
    (cursor, signal) => {
      const { status, ...rest } = filter()
      const query = some({ ...rest, status: status || undefined, cursor })
      return body(server.GET('/api/v1/deployments', { params: { query }, signal }))
    },
    { enabled, refreshMs: 5_000 },
  )
}

export function useDeployment(id: () => string, enabled: () => boolean = () => true) {
  return useThing<DeploymentDetail>(
    () => ['deployment', id()],
    (signal) => body(server.GET('/api/v1/deployments/{id}', { params: { path: { id: id() } }, signal })),
    { enabled, refreshMs: (seen) => (seen && isFinal(seen.status) ? false : 2_000) },
  )
}

/** What succeeded here before a deployment, newest first: where one may go back to, and what to compare with. */
export function useEarlier(of: () => Deployment | undefined) {
  return useThing<Deployment[]>(
    () => ['deployments', 'earlier', of()?.id],
    async (signal) => {
      const now = of()
      if (!now) return []
      const query = { applicationId: now.applicationId, environment: now.environment, status: 'success' as const, limit: 50 }
      const { items } = await body(server.GET('/api/v1/deployments', { params: { query }, signal }))
      return items.filter((one) => toMs(one.createdAt) < toMs(now.createdAt))
    },
    { enabled: () => of() !== undefined },
  )
}

export function deploy(id: string, version: string, environment: string, overrideReason?: string): Promise<Accepted> {
  return body(server.POST('/api/v1/applications/{id}/deployments', { params: { path: { id } }, body: { version, environment, ...(overrideReason ? { overrideReason } : {}) } }))
}

/** Begins one that waits for its window. */
export async function startDeployment(id: string, overrideReason: string): Promise<void> {
  await server.POST('/api/v1/deployments/{id}/start', { params: { path: { id } }, body: { overrideReason } })
}

export function redeploy(id: string): Promise<Accepted> {
  return body(server.POST('/api/v1/deployments/{id}/redeploy', { params: { path: { id } } }))
}

/** To the deployment that is named, else to the last one that succeeded. */
export function rollBack(id: string, to?: string): Promise<Accepted> {
  return body(server.POST('/api/v1/deployments/{id}/rollback', { params: { path: { id } }, body: to ? { to } : {} }))
}

export async function cancelDeployment(id: string, goBack: boolean): Promise<void> {
  await server.POST('/api/v1/deployments/{id}/cancel', { params: { path: { id } }, body: { rollBack: goBack } })
}

export async function pauseDeployment(id: string): Promise<void> {
  await server.POST('/api/v1/deployments/{id}/pause', { params: { path: { id } } })
}

/** Goes on with a paused one; with one that has ended, by another, which is the answer. */
export function resumeDeployment(id: string): Promise<Deployment> {
  return body(server.POST('/api/v1/deployments/{id}/resume', { params: { path: { id } } }))
}

export async function approveDeployment(id: string, comment: string): Promise<void> {
  await server.POST('/api/v1/deployments/{id}/approve', { params: { path: { id } }, body: { comment } })
}

export async function rejectDeployment(id: string, comment: string): Promise<void> {
  await server.POST('/api/v1/deployments/{id}/reject', { params: { path: { id } }, body: { comment } })
}
