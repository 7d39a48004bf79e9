/** An approval flow as it is edited: a view of its document and back, without a difference where nothing was changed. */
import { isMap, textOf, type Doc, type Json, type JsonMap } from './doc'

export type ApproverWay = 'role' | 'users' | 'departmentHead'
export type QuorumWay = 'any' | 'count' | 'all'

export interface StepDraft {
  key: string
  name: string
  way: ApproverWay
  role: string
  users: string[]
  /** Written as a list although it is one person. */
  listed: boolean
  department: string
  quorum: QuorumWay
  count: string
  fromRisk: string
  environments: string[]
}

export interface FlowDraft {
  name: string
  label: string
  environments: string[]
  databases: string[]
  projects: string[]
  steps: StepDraft[]
}

export const RISKS = ['warning', 'destructive', 'unknown'] as const
export const BUILT_IN_ROLES = ['OWNER', 'ADMIN', 'MEMBER'] as const

let made = 0

export function blankStep(): StepDraft {
  made += 1
  return { key: `step-${made}`, name: '', way: 'role', role: 'ADMIN', users: [], listed: false, department: '', quorum: 'any', count: '2', fromRisk: '', environments: [] }
}

export function blankFlow(): FlowDraft {
  return { name: '', label: '', environments: [], databases: [], projects: [], steps: [blankStep()] }
}

function texts(value: Json | undefined): string[] {
  if (Array.isArray(value)) return value.map(textOf).filter(Boolean)
  const one = textOf(value)
  return one ? [one] : []
}

function stepOf(value: Json): StepDraft {
  const step = blankStep()
  if (!isMap(value)) return step
  step.name = textOf(value.name)
  if (value.user !== undefined || value.users !== undefined) {
    step.way = 'users'
    step.listed = value.users !== undefined
    step.users = texts(value.users ?? value.user)
  } else if (value.departmentHead !== undefined) {
    step.way = 'departmentHead'
    step.department = textOf(value.departmentHead)
  } else step.role = textOf(value.role)
  const quorum = textOf(value.quorum)
  step.quorum = quorum === 'all' ? 'all' : Number(quorum) > 1 ? 'count' : 'any'
  if (step.quorum === 'count') step.count = quorum
  step.fromRisk = textOf(value.fromRisk)
  step.environments = texts(value.environments)
  return step
}

export function flowOf(doc: Doc): FlowDraft {
  const steps = Array.isArray(doc.spec.steps) ? doc.spec.steps.map(stepOf) : []
  return {
    name: doc.name,
    label: doc.label,
    environments: texts(doc.spec.environments),
    databases: texts(doc.spec.databases),
    projects: texts(doc.spec.projects),
    steps,
  }
}

function who(step: StepDraft): JsonMap {
  switch (step.way) {
    case 'role':
      return { role: step.role }
    case 'users':
      return step.users.length === 1 && !step.listed ? { user: step.users[0] ?? '' } : { users: [...step.users] }
    case 'departmentHead':
      return { departmentHead: step.department }
  }
}

function quorum(step: StepDraft): Json {
  if (step.quorum === 'all') return 'all'
  return step.quorum === 'count' ? Number(step.count) || 0 : 1
}

export function flowDoc(flow: FlowDraft): Doc {
  const some = (name: string, list: string[]): JsonMap => (list.length ? { [name]: [...list] } : {})
  return {
    kind: 'ApprovalFlow',
    name: flow.name.trim(),
    label: flow.label.trim(),
    spec: {
      ...some('environments', flow.environments),
      ...some('databases', flow.databases),
      ...some('projects', flow.projects),
      steps: flow.steps.map((step) => ({
        name: step.name.trim(),
        ...who(step),
        quorum: quorum(step),
        ...(step.fromRisk ? { fromRisk: step.fromRisk } : {}),
        ...some('environments', step.environments),
      })),
    },
  }
}

/** What is missing before the server is asked; by the step's key, or `name`. */
export function missingIn(flow: FlowDraft): Map<string, 'name' | 'who' | 'count'> {
  const missing = new Map<string, 'name' | 'who' | 'count'>()
  if (!flow.name.trim()) missing.set('name', 'name')
  for (const step of flow.steps) {
    const nobody = step.way === 'role' ? !step.role : step.way === 'users' ? step.users.length === 0 : !step.department
    const count = Number(step.count)
    if (!step.name.trim()) missing.set(step.key, 'name')
    else if (nobody) missing.set(step.key, 'who')
    else if (step.quorum === 'count' && !(Number.isInteger(count) && count >= 1 && count <= 20)) missing.set(step.key, 'count')
  }
  return missing
}
