import { body, server, some, type Schemas } from '@/api/server'
import { useList } from '@/api/useList'
import { useThing } from '@/api/useThing'
import { isFinal } from './deploymentTone'

export type Deployment = Schemas['Deployment']
export type DeploymentStatus = Deployment['status']
export type DeploymentHost = Schemas['DeploymentHost']
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

export function useDeployment(id: () => string) {
  return useThing<Schemas['DeploymentDetail']>(
    () => ['deployment', id()],
    (signal) => body(server.GET('/api/v1/deployments/{id}', { params: { path: { id: id() } }, signal })),
    { refreshMs: (seen) => (seen && isFinal(seen.status) ? false : 2_000) },
  )
}

export function deploy(id: string, version: string, environment: string): Promise<Accepted> {
  return body(server.POST('/api/v1/applications/{id}/deployments', { params: { path: { id } }, body: { version, environment } }))
}

export function redeploy(id: string): Promise<Accepted> {
  return body(server.POST('/api/v1/deployments/{id}/redeploy', { params: { path: { id } } }))
}

export function rollBack(id: string): Promise<Accepted> {
  return body(server.POST('/api/v1/deployments/{id}/rollback', { params: { path: { id } }, body: {} }))
}

export async function cancelDeployment(id: string): Promise<void> {
  await server.POST('/api/v1/deployments/{id}/cancel', { params: { path: { id } } })
}
