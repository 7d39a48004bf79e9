import { changed, type FieldDescription, type FormDescription } from '@/forms/description'
import { pairs, pairsText } from '@/delivery/containerText'
import type { Host, HostPatch } from './useHosts'

/** The forms about hosts and join tokens. */

/** The seed's codes: idle, in service, maintenance, faulty, retired. */
export const BUSINESS = ['0', '1', '2', '33', '44'] as const

/** `key=value`, one on a line. */
const PAIRS = /^(?:\s*[^\s=]+=[^\n]*(?:\n|$)|\s*(?:\n|$))*$/
/** Names, one on a line or with commas. */
const KEYS = /^[\w./,\s-]*$/
const LABELS: FieldDescription = { name: 'labels', input: 'textarea', label: 'hostForm.labels', hint: 'container.pairsHint', rules: [['matches', PAIRS]], wrong: 'container.pairsWrong', mono: true, rows: 4 }

export const HOST_FORM: FormDescription = [
  { name: 'name', input: 'text', label: 'hostForm.name', hint: 'hostForm.nameHint', rules: [['required'], ['length', 1, 128]] },
  { name: 'clusterId', input: 'select', label: 'hostForm.cluster' },
  { name: 'environment', input: 'select', label: 'hosts.environment' },
  { name: 'businessStatus', input: 'select', label: 'hostForm.business', hint: 'hostForm.businessHint' },
  { name: 'publicIp', input: 'text', label: 'facts.publicIp', hint: 'hostForm.publicIpHint' },
  LABELS,
]

export const BULK_FORM: FormDescription = [
  { name: 'cluster', input: 'select', label: 'hostForm.cluster' },
  { name: 'environment', input: 'select', label: 'hosts.environment' },
  { name: 'business', input: 'select', label: 'hostForm.business' },
  { name: 'setLabels', input: 'textarea', label: 'hostBulk.setLabels', hint: 'hostBulk.setLabelsHint', rules: [['matches', PAIRS]], wrong: 'container.pairsWrong', mono: true, rows: 3 },
  { name: 'dropLabels', input: 'text', label: 'hostBulk.dropLabels', hint: 'hostBulk.dropLabelsHint', rules: [['matches', KEYS]], wrong: 'hostBulk.dropLabelsWrong', mono: true },
]

export interface HostForm {
  name: string
  clusterId: string
  environment: string
  businessStatus: string
  publicIp: string
  labels: string
}

export function hostToForm(host: Host): HostForm {
  return {
    name: host.name,
    clusterId: host.clusterId ?? '',
    environment: host.environment ?? '',
    businessStatus: String(host.businessStatus),
    publicIp: host.publicIp ?? '',
    labels: pairsText(host.labels),
  }
}

/** Only what differs: what somebody else changes meanwhile stays theirs. Empty takes a value away. */
export function hostPatch(form: HostForm, before: HostForm): HostPatch {
  const { name, clusterId, environment, businessStatus, publicIp, labels } = changed(form, before)
  return {
    ...(name === undefined ? {} : { name: name.trim() }),
    ...(clusterId === undefined ? {} : { clusterId: clusterId || null }),
    ...(environment === undefined ? {} : { environment: environment || null }),
    ...(businessStatus === undefined ? {} : { businessStatus: Number(businessStatus) }),
    ...(publicIp === undefined ? {} : { publicIp: publicIp.trim() || null }),
    ...(labels === undefined ? {} : { labels: pairs(labels) }),
  }
}

/** Whether the server can filter by this: `role=web,zone=a`. */
export function isLabelFilter(text: string): boolean {
  return text.split(',').every((pair) => pair === '' || /^[^=]+=/.test(pair))
}

/** A password that is kept need not be given again. */
export function accountFields(kept: boolean): FormDescription {
  return [
    { name: 'username', input: 'text', label: 'hostAccount.username', rules: [['required'], ['length', 1, 128]], autocomplete: 'off' },
    { name: 'password', input: 'password', label: 'hostAccount.password', hint: kept ? 'hostAccount.keepHint' : 'hostAccount.passwordHint', rules: kept ? [] : [['required']], autocomplete: 'off' },
    { name: 'note', input: 'textarea', label: 'hostAccount.note', rules: [['length', 0, 500]], rows: 2 },
  ]
}
