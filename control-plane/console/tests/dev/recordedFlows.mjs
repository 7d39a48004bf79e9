/** Flows, policies and tickets in every state, for `recorded.mjs`. */
const uuid = (n) => `01890000-0000-7000-8000-${String(n).padStart(12, '0')}`
const ago = (ms) => new Date(Date.now() - ms).toISOString()
const step = (more) => ({
  name: 'Lead', flow: 'careful', flowRevision: 3, approverKind: 'user', approvers: ['ada', 'grace'], quorum: 2, needed: 2,
  state: 'waiting', skipped: null, approvals: [], openTo: [], stuck: null, menders: [], ...more,
})
const yes = (name, more = {}) => ({ name, comment: '', at: ago(9e5), counts: true, ...more })

export const steps = [
  step({ name: 'Peer', approverKind: 'role', approvers: ['MEMBER'], quorum: 1, needed: 1, state: 'approved', approvals: [yes('linus', { comment: 'Tried it on staging.' })] }),
  step({ state: 'current', approvals: [yes('grace'), yes('dennis', { counts: false })], openTo: ['ada'] }),
  step({ name: 'Data', approverKind: 'departmentHead', approvers: ['Data'], quorum: 1, needed: 1, stuck: 'nobody', menders: ['ada', 'barbara'] }),
  step({ name: 'Owner', approverKind: 'role', approvers: ['OWNER'], quorum: null, needed: 1, state: 'skipped', skipped: 'risk' }),
]
export const ofTicket = { corrects: null, correctedBy: null, steps, decidable: true, rejectable: true, resubmittable: false, published: false }
export const ofRow = { corrects: null, decidable: true, step: { name: 'Lead', number: 2, of: 3, stuck: false } }

const flow = { id: uuid(900), kind: 'ApprovalFlow', name: 'careful', label: 'With the owner', database: null, revision: 3, draft: false, createdAt: ago(9e8), updatedAt: ago(9e6), updatedBy: 'ada' }
const spec = {
  environments: ['prod'],
  steps: [
    { name: 'Lead', users: ['ada', 'grace'], quorum: 2 },
    { name: 'Data', departmentHead: 'Data', quorum: 1, fromRisk: 'destructive' },
    { name: 'Owner', role: 'OWNER', quorum: 'all', environments: ['prod'] },
  ],
}
const list = (items) => ({ items, nextCursor: null })
const windows = { zone: 'Europe/Berlin', weekly: [{ days: ['tuesday', 'thursday'], from: '22:00', to: '04:00' }], freezes: [{ from: ago(-9e8), to: ago(-2e9), reason: 'Year end' }], outside: 'wait', anyoneMayOverride: false }
export const shutWindow = { open: false, closesAt: null, opensAt: ago(-9e7), windows }
const policy = (environment, more = {}) => ({ environment, flows: { safe: null, warning: null, destructive: null, unknown: null }, authorMayDecide: false, windows: null, setAsideDays: null, updatedAt: null, updatedBy: null, ...more })

export function flowAnswers(path, url) {
  if (path === '/schema/documents') return list(url.searchParams.get('kind') === 'ApprovalFlow' ? [flow] : [])
  if (path === `/schema/documents/${flow.id}`) return { ...flow, spec, usedBy: [], yaml: JSON.stringify({ apiVersion: 'v1alpha1', kind: 'ApprovalFlow', metadata: { name: flow.name, label: flow.label }, spec }) }
  if (path === '/schema/policies') {
    return { items: [policy('dev', { authorMayDecide: true }), policy('prod', { flows: { safe: null, warning: 'careful', destructive: 'careful', unknown: 'careful' }, windows })] }
  }
  if (path === '/environments') return list([{ id: uuid(801), name: 'dev', label: 'Development' }, { id: uuid(802), name: 'prod', label: 'Production' }])
  return undefined
}
