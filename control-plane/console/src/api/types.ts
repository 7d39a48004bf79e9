/** Shapes of the API that the console uses. */

export interface Page<T> {
  items: T[]
  nextCursor: string | null
}

export interface Me {
  user: { id: string | null; username: string; superAdmin: boolean }
  orgs: { id: string; name: string; slug: string; role?: string | null }[]
}

export type HostStatus = 'online' | 'degraded' | 'offline' | 'revoked'

export interface HostFacts {
  hostname: string
  os: string
  kernel: string
  arch: string
  cpus: number
  cpuModel: string
  memoryBytes: number
  swapBytes: number
  bootAt: string | null
  dockerVersion: string | null
  agentVersion: string
  innerIp: string | null
}

export interface Host {
  id: string
  name: string
  hostname?: string
  status: HostStatus
  statusSince?: string | null
  lastSeenAt?: string | null
  environment?: string | null
  clusterId?: string | null
  labels?: Record<string, string>
  facts: HostFacts | null
  latest: Record<string, number> | null
  createdAt: string
}

export interface Metrics {
  tier: 'raw' | 'hour' | 'day'
  stepS: number
  stats: string[]
  series: { name: string; unit: string; points: (number | null)[][] }[]
}

export interface Container {
  id: string
  name: string
  image: string
  state: string
  health: string
  restarts: number
  createdAt: string
  startedAt: string | null
  memoryLimitBytes?: number | null
  latest?: Record<string, number> | null
}

export interface Application {
  id: string
  name: string
  description?: string
  image?: string
  status?: string
  environments?: { name: string; hosts?: string[] }[]
  createdAt: string
}

export interface Step {
  index?: number
  name?: string
  host?: string
  hostName?: string
  sql?: string
  status: string
  durationMs?: number | null
  rows?: number | null
  detail?: string | null
  error?: string | null
}

export interface Deployment {
  id: string
  applicationId: string
  applicationName?: string
  version: string
  environment: string
  status: string
  triggerType: string
  triggeredBy?: string | null
  digest?: string | null
  createdAt: string
  startedAt: string | null
  completedAt: string | null
  durationMs: number | null
  error: string | null
  steps?: Step[]
}

export interface JoinToken {
  token: string
  caFingerprint: string
  server: string
  command: string
  expiresAt?: string
}

export interface ApiKey {
  id: string
  name: string
  kind: string
  prefix: string
  username: string
  createdAt: string
  expiresAt: string | null
  usedAt: string | null
}
