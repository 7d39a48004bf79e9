import { api } from '@/api/client'
import type { Deployment, DeploymentDetail, Page } from '@/api/types'
import { useList } from '@/api/useList'
import { useThing } from '@/api/useThing'
import { isFinal } from './deploymentTone'

export interface DeploymentFilter {
  applicationId?: string
  environment?: string
  status?: string
  limit?: number
}

export function useDeployments(filter: () => DeploymentFilter, enabled: () => boolean = () => true) {
  return useList<Deployment>(
    () => ['deployments', filter()],
    (cursor, signal) => api.get<Page<Deployment>>('/deployments', { ...filter(), cursor }, signal),
    { enabled, refreshMs: 5_000 },
  )
}

export function useDeployment(id: () => string) {
  return useThing<DeploymentDetail>(
    () => ['deployment', id()],
    (signal) => api.get<DeploymentDetail>(`/deployments/${id()}`, {}, signal),
    { refreshMs: (seen) => (seen && isFinal(seen.status) ? false : 2_000) },
  )
}

interface Accepted {
  deploymentId: string
}

export function deploy(application: string, version: string, environment: string): Promise<Accepted> {
  return api.post<Accepted>(`/applications/${application}/deployments`, { version, environment })
}

export function redeploy(id: string): Promise<Accepted> {
  return api.post<Accepted>(`/deployments/${id}/redeploy`)
}

export function rollBack(id: string): Promise<Accepted> {
  return api.post<Accepted>(`/deployments/${id}/rollback`, {})
}

export async function cancelDeployment(id: string): Promise<void> {
  await api.post(`/deployments/${id}/cancel`)
}
