import type { FieldDescription, FormDescription } from '@/forms/description'

/** The forms about applications, registries, variables and deployments. */

const SLUG = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/
export const ENV_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/
/** `key=value` lines. */
const PAIRS = /^(?:\s*[^\s=]+=[^\n]*(?:\n|$)|\s*(?:\n|$))*$/

export const VERDICT: FormDescription = [{ name: 'comment', input: 'textarea', label: 'approval.comment', rules: [['length', 0, 2000]] }]

export const NEW_APPLICATION: FormDescription = [
  { name: 'name', input: 'text', label: 'application.name', hint: 'application.nameHint', rules: [['required'], ['matches', SLUG]], wrong: 'application.nameWrong' },
  { name: 'image', input: 'text', label: 'deployment.image', hint: 'application.imageHint', rules: [['required']], mono: true },
  { name: 'registryId', input: 'select', label: 'application.registry' },
  { name: 'description', input: 'text', label: 'application.description', rules: [['length', 0, 2000]] },
]

export const ABOUT: FormDescription = [
  { name: 'name', input: 'text', label: 'application.name', rules: [['required'], ['matches', SLUG]], wrong: 'application.nameWrong' },
  { name: 'mode', input: 'select', label: 'application.mode' },
  { name: 'image', input: 'text', label: 'deployment.image', hint: 'application.imageHint', rules: [['required']], mono: true },
  { name: 'registryId', input: 'select', label: 'application.registry' },
  { name: 'description', input: 'textarea', label: 'application.description', rules: [['length', 0, 2000]], wide: true },
]

const NUMBER: FieldDescription['rules'] = [['matches', /^\d*$/]]
const DECIMAL: FieldDescription['rules'] = [['matches', /^(?:\d+(?:\.\d+)?)?$/]]

const PORTS = /^(?:\s*(?:(?:\[[0-9a-fA-F:]+\]|[\d.]+):)?\d{1,5}:\d{1,5}(?:\/(?:tcp|udp))?\s*(?:\n|$)|\s*(?:\n|$))*$/
const ULIMITS = /^(?:\s*\w+=-?\d+(?::-?\d+)?\s*(?:\n|$)|\s*(?:\n|$))*$/
const VOLUMES = /^(?:\s*[^\s:]+:\/[^\s:]*(?::ro)?\s*(?:\n|$)|\s*(?:\n|$))*$/

/** The container; what belongs to a kind of health check or to a way of replacing it is asked for with that only. */
export function containerFields(health: string, restart: string, strategy = 'recreate', logDriver = ''): FormDescription {
  const asks = health === 'http' || health === 'tcp' || health === 'command'
  const all: (FieldDescription | false)[] = [
    { name: 'ports', input: 'textarea', label: 'container.ports', hint: 'container.portsHint', rules: [['matches', PORTS]], wrong: 'container.portsWrong', mono: true },
    { name: 'volumes', input: 'textarea', label: 'container.volumes', hint: 'container.volumesHint', rules: [['matches', VOLUMES]], wrong: 'container.volumesWrong', mono: true },
    { name: 'health', input: 'select', label: 'container.health' },
    (health === 'http' || health === 'tcp') && { name: 'healthPort', input: 'text', label: 'container.healthPort', rules: [['required'], ['matches', /^\d+$/]], wrong: 'forms.number', digits: true },
    health === 'http' && { name: 'healthPath', input: 'text', label: 'container.healthPath', mono: true },
    health === 'command' && { name: 'healthCommand', input: 'textarea', label: 'container.healthCommand', hint: 'container.wordsHint', rules: [['required']], mono: true },
    asks && { name: 'healthInterval', input: 'text', label: 'container.healthInterval', hint: 'container.healthIntervalHint', rules: DECIMAL, wrong: 'forms.number' },
    asks && { name: 'checkTimeout', input: 'text', label: 'container.checkTimeout', hint: 'container.checkTimeoutHint', rules: DECIMAL, wrong: 'forms.number' },
    { name: 'healthTimeout', input: 'text', label: 'container.healthTimeout', hint: 'container.healthTimeoutHint', rules: DECIMAL, wrong: 'forms.number' },
    { name: 'restart', input: 'select', label: 'container.restart' },
    restart === 'on-failure' && { name: 'retries', input: 'text', label: 'container.retries', hint: 'container.retriesHint', rules: NUMBER, wrong: 'forms.number', digits: true },
    { name: 'strategy', input: 'select', label: 'container.strategy', hint: 'container.strategyHint' },
    strategy === 'handover' && { name: 'protocol', input: 'select', label: 'container.protocol' },
    strategy === 'handover' && { name: 'handoverGrace', input: 'text', label: 'container.handoverGrace', hint: 'container.handoverGraceHint', rules: DECIMAL, wrong: 'forms.number' },
    { name: 'stopGrace', input: 'text', label: 'container.stopGrace', hint: 'container.stopGraceHint', rules: DECIMAL, wrong: 'forms.number' },
    { name: 'memory', input: 'text', label: 'container.memory', hint: 'container.unlimited', rules: DECIMAL, wrong: 'forms.number' },
    { name: 'cpu', input: 'text', label: 'container.cpu', hint: 'container.unlimited', rules: [['matches', /^(?:\d+(?:\.\d{1,3})?)?$/]], wrong: 'forms.number' },
    { name: 'name', input: 'text', label: 'container.name', hint: 'container.nameHint' },
    { name: 'user', input: 'text', label: 'container.user', hint: 'container.userHint' },
    { name: 'networks', input: 'text', label: 'container.networks', hint: 'container.networksHint' },
    { name: 'command', input: 'textarea', label: 'container.command', hint: 'container.wordsHint', mono: true },
    { name: 'entrypoint', input: 'textarea', label: 'container.entrypoint', hint: 'container.wordsHint', mono: true },
    { name: 'labels', input: 'textarea', label: 'container.labels', hint: 'container.pairsHint', rules: [['matches', PAIRS]], wrong: 'container.pairsWrong', mono: true },
    { name: 'pull', input: 'select', label: 'more.pull' },
    { name: 'stopSignal', input: 'text', label: 'more.stopSignal', hint: 'more.stopSignalHint', mono: true },
    { name: 'logDriver', input: 'select', label: 'more.logDriver' },
    logDriver !== '' && logDriver !== 'none' && { name: 'logOptions', input: 'textarea', label: 'more.logOptions', hint: 'more.logOptionsHint', rules: [['matches', PAIRS]], wrong: 'container.pairsWrong', mono: true },
    { name: 'ulimits', input: 'textarea', label: 'more.ulimits', hint: 'more.ulimitsHint', rules: [['matches', ULIMITS]], wrong: 'more.ulimitsWrong', mono: true },
    { name: 'extraHosts', input: 'textarea', label: 'more.extraHosts', hint: 'more.extraHostsHint', rules: [['matches', PAIRS]], wrong: 'container.pairsWrong', mono: true },
    { name: 'privileged', input: 'checks', label: 'container.privileged', hint: 'container.privilegedHint' },
  ]
  return all.filter((field): field is FieldDescription => field !== false)
}

/** Hosts, or a count such as `25%`. */
const SHARE = /^(?:\d{1,5}|(?:100|\d{1,2})%)?$/

/** An environment; a new one has a name. */
export function environmentFields(isNew: boolean): FormDescription {
  const named: FieldDescription = { name: 'name', input: 'text', label: 'environment.name', hint: 'environment.nameHint', rules: [['required'], ['matches', SLUG]], wrong: 'application.nameWrong', wide: true }
  return [
    ...(isNew ? [named] : []),
    { name: 'hosts', input: 'pick', label: 'environment.hosts' },
    { name: 'selector', input: 'textarea', label: 'environment.selector', hint: 'environment.selectorHint', rules: [['matches', PAIRS]], wrong: 'container.pairsWrong', mono: true, rows: 4 },
    { name: 'approval', input: 'select', label: 'environment.approval' },
    { name: 'queue', input: 'select', label: 'environment.queue' },
    { name: 'batchSize', input: 'text', label: 'environment.batchSize', hint: 'environment.batchSizeHint', rules: [['matches', SHARE]], wrong: 'environment.shareWrong' },
    { name: 'orderBy', input: 'text', label: 'environment.orderBy', hint: 'environment.orderByHint' },
    { name: 'pause', input: 'select', label: 'environment.pause' },
    { name: 'maxFailures', input: 'text', label: 'environment.maxFailures', hint: 'environment.maxFailuresHint', rules: [['matches', SHARE]], wrong: 'environment.shareWrong' },
    { name: 'onFailure', input: 'select', label: 'environment.onFailure' },
    { name: 'offline', input: 'select', label: 'environment.offline' },
    { name: 'waitS', input: 'text', label: 'environment.waitS', hint: 'environment.waitSHint', rules: NUMBER, wrong: 'forms.number', digits: true },
    { name: 'imageWaitS', input: 'text', label: 'environment.imageWaitS', hint: 'environment.imageWaitSHint', rules: NUMBER, wrong: 'forms.number', digits: true },
    { name: 'drift', input: 'select', label: 'targets.policy' },
    { name: 'keepImages', input: 'text', label: 'targets.keepImages', hint: 'targets.keepImagesHint', rules: NUMBER, wrong: 'forms.number', digits: true },
    { name: 'overrides', input: 'textarea', label: 'environment.overrides', hint: 'environment.overridesHint', mono: true, rows: 5, wide: true },
  ]
}

/** A variable: with a plain value, or one that refers to a secret. */
export function variableFields(isNew: boolean, kind: string, scoped: boolean): FormDescription {
  const all: (FieldDescription | false)[] = [
    isNew && { name: 'name', input: 'text', label: 'variable.name', rules: [['required'], ['matches', ENV_NAME]], wrong: 'variable.nameWrong', mono: true },
    isNew && scoped && { name: 'where', input: 'select', label: 'variable.where' },
    { name: 'kind', input: 'select', label: 'variable.kind' },
    kind === 'plain' ? { name: 'value', input: 'textarea', label: 'variable.value', rows: 3, mono: true } : { name: 'secretId', input: 'select', label: 'variable.secret', rules: [['required']] },
  ]
  return all.filter((field): field is FieldDescription => field !== false)
}

export const IMPORT: FormDescription = [
  { name: 'groupId', input: 'select', label: 'variable.group', rules: [['required']] },
  { name: 'environment', input: 'select', label: 'variable.where' },
]

/** A registry; credentials are asked for as its kind wants them. */
export function registryFields(authType: string, isNew: boolean): FormDescription {
  const hint = isNew ? undefined : 'registry.keepHint'
  const needed: FieldDescription['rules'] = isNew ? [['required']] : []
  const all: (FieldDescription | false)[] = [
    { name: 'name', input: 'text', label: 'registry.name', rules: [['required'], ['length', 1, 128]] },
    { name: 'url', input: 'text', label: 'registry.url', hint: 'registry.urlHint', rules: [['required'], ['matches', /^https?:\/\/\S+$/]], wrong: 'registry.urlWrong', mono: true },
    { name: 'authType', input: 'select', label: 'registry.authType' },
    authType === 'username-password' && { name: 'username', input: 'text', label: 'registry.username', rules: [['required']] },
    authType === 'username-password' && { name: 'password', input: 'password', label: 'registry.password', hint, rules: needed, autocomplete: 'new-password' },
    authType === 'token' && { name: 'token', input: 'password', label: 'registry.token', hint, rules: needed, autocomplete: 'new-password' },
  ]
  return all.filter((field): field is FieldDescription => field !== false)
}

export const TOKEN: FormDescription = [
  { name: 'environment', input: 'select', label: 'hosts.environment' },
  { name: 'overlapS', input: 'select', label: 'triggers.overlap', hint: 'triggers.overlapHint' },
]

export const WEBHOOK: FormDescription = [
  { name: 'webhookEnabled', input: 'select', label: 'applications.webhook' },
  { name: 'webhookEnvironment', input: 'select', label: 'triggers.environment' },
]
