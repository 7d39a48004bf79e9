import { describe, expect, it } from 'vitest'
import { readDoc, sameDoc } from '@/designs/doc'
import { blankFlow, flowDoc, flowOf, missingIn } from '@/designs/flowDraft'

const WRITTEN = `
apiVersion: v1alpha1
kind: ApprovalFlow
metadata: {name: strict, label: Strict}
spec:
  environments: [prod]
  projects: [web]
  steps:
    - {name: lead, user: bob, quorum: 1}
    - {name: data, users: [cas], quorum: all}
    - {name: more, users: [ann, cas], quorum: 1, fromRisk: destructive}
    - {name: head, departmentHead: Data, quorum: 1, environments: [prod]}
    - {name: two, role: DBA, quorum: 2}
`

describe('a flow that is edited', () => {
  it('is the document that it was, where nothing was changed', () => {
    const doc = readDoc(WRITTEN)
    expect(sameDoc(flowDoc(flowOf(doc)), doc)).toBe(true)
  })

  it('says what is missing, step by step', () => {
    const flow = blankFlow()
    expect([...missingIn(flow).values()]).toEqual(['name', 'name'])
    flow.name = 'strict'
    const step = flow.steps[0]!
    step.name = 'lead'
    expect(missingIn(flow).size).toBe(0)
    step.way = 'users'
    expect(missingIn(flow).get(step.key)).toBe('who')
    step.users = ['bob']
    step.quorum = 'count'
    step.count = '0'
    expect(missingIn(flow).get(step.key)).toBe('count')
  })

  it('writes one person as one, and many as a list', () => {
    const flow = blankFlow()
    const step = { ...flow.steps[0]!, way: 'users' as const, users: ['bob'] }
    const steps = (users: string[]) => flowDoc({ ...flow, steps: [{ ...step, users }] }).spec.steps
    expect(steps(['bob'])).toEqual([{ name: '', user: 'bob', quorum: 1 }])
    expect(steps(['bob', 'cas'])).toEqual([{ name: '', users: ['bob', 'cas'], quorum: 1 }])
  })
})
