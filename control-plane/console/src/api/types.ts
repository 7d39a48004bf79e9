/** Shapes of the API that the console uses. */

export interface Page<T> {
  items: T[]
  nextCursor: string | null
}

export interface Latest {
  at: string
  values: Record<string, number>
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
  latest?: Latest | null
}

export interface Application {
  id: string
  name: string
  description: string
  mode: string
  image: string
  registryId?: string | null
  container: Record<string, unknown>
  environments: Record<string, { hosts: string[]; selector: Record<string, string> }>
  webhookEnabled: boolean
  webhookEnvironment: string
  status: number
  createdBy: string
  createdAt: string
  updatedAt: string
}

export type DeploymentStatus = 'pending' | 'waitingApproval' | 'running' | 'success' | 'failure' | 'cancelled' | 'rolledBack'
export type StepStatus = 'running' | 'done' | 'failed' | 'skipped'

export interface Deployment {
  id: string
  applicationId: string
  applicationName: string
  environment: string
  version: string
  image: string
  digest?: string | null
  status: DeploymentStatus
  triggerType: 'manual' | 'redeploy' | 'rollback' | 'webhook'
  triggerIp?: string | null
  triggeredBy: { kind: string; id: string; name: string }
  originId?: string | null
  cancelAsked: boolean
  error?: string | null
  createdAt: string
  startedAt?: string | null
  completedAt?: string | null
  durationMs?: number | null
}

export interface DeploymentStep {
  hostId?: string | null
  position: number
  name: string
  status: StepStatus
  durationMs?: number | null
  detail: string
  at: string
}

export interface DeploymentHost {
  hostId: string
  hostName: string
  orderId?: string | null
  status: DeploymentStatus
  digest?: string | null
  error?: string | null
}

export interface DeploymentDetail extends Deployment {
  hosts: DeploymentHost[]
  steps: DeploymentStep[]
}

export type RiskLevel = 'safe' | 'warning' | 'destructive' | 'unknown'
export type TicketStatus = 'pending' | 'approved' | 'rejected' | 'withdrawn'
export type ExecutionStatus = 'pending' | 'running' | 'success' | 'failure' | 'rolledBack' | 'cancelled' | 'needsAttention'

export interface ServerSql {
  server: string
  label: string
  type: 'MySQL' | 'Postgres'
  sql: string
  sha256: string
  rollbackSql: string | null
  risk: RiskLevel
  statements: { sql: string; kind: string; risk: RiskLevel; reasons: string[]; transactional: boolean }[]
  findings: { rule: string; severity: string; line: number; message: string }[]
}

export interface Ticket {
  id: string
  project: string
  version: string
  environment: string
  database: string
  status: TicketStatus
  risk: RiskLevel
  author: string
  releaseId: string | null
  createdAt: string
  updatedAt: string
}

export interface TicketDetail extends Ticket {
  sql: string
  servers: ServerSql[]
  events: { kind: string; name: string; comment: string; at: string }[]
  decidable: boolean
}

export interface Release {
  id: string
  ticketId: string
  project: string
  version: string
  environment: string
  database: string
  risk: RiskLevel
  createdAt: string
}

export interface ReleaseDetail extends Release {
  sha256: string
  servers: ServerSql[]
  approvals: { name: string; comment: string; at: string }[]
}

export interface Execution {
  id: string
  releaseId: string
  version: string
  environment: string
  database: string
  server: string
  serverLabel: string
  hostId: string
  dryRun: boolean
  notBefore: string | null
  status: ExecutionStatus
  error: string | null
  serverVersion: string | null
  by: string
  createdAt: string
  startedAt: string | null
  endedAt: string | null
  durationMs: number | null
}

export interface ExecutionStep {
  sql: string
  status: string
  durationMs: number | null
  rows: number | null
  error: string | null
  detail: string | null
}

export interface ExecutionDetail extends Execution {
  steps: ExecutionStep[]
}

export interface DbServer {
  id: string
  label: string
  ip: string
  port: number
  environment: string
  type: 'MySQL' | 'Postgres'
  username: string
  hostId: string
  databases: string[]
  test: { at: string; ok: boolean; detail: string } | null
}
