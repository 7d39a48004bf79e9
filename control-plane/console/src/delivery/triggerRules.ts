import type { Schemas } from '@/api/server'

/** The rules of an environment's `triggerSpec` as rows that a person edits, and back. */

export type ProviderTriggers = Schemas['ProviderTriggers']
export type RefRules = Schemas['RefRules']
export type RuleKind = Schemas['TriggerRuleKind']
export type Provider = Schemas['GitProvider']

export const PROVIDERS = ['github', 'gitee', 'gitlab', 'codeup'] as const satisfies readonly Provider[]
/** Names are names in every language. */
export const PROVIDER_NAMES: Record<Provider, string> = { github: 'GitHub', gitee: 'Gitee', gitlab: 'GitLab', codeup: 'Codeup' }
export const EXAMPLES: Record<RuleKind, string> = { precise: 'main', prefix: 'release/', regex: 'v[0-9.]+' }
export const KINDS = ['precise', 'prefix', 'regex'] as const satisfies readonly RuleKind[]
/** What a Git host tells of. */
export const EVENTS = ['push', 'tag', 'merged'] as const
export type EventKind = (typeof EVENTS)[number]

export interface RuleRow {
  kind: RuleKind
  pattern: string
  /** What it describes is excepted. */
  except: boolean
}

export type RuleRows = Record<EventKind, RuleRow[]>

function rowsOf(rules: RefRules | null | undefined): RuleRow[] {
  if (!rules) return []
  const rows = (from: Partial<Record<RuleKind, string[]>>, except: boolean) => KINDS.flatMap((kind) => (from[kind] ?? []).map((pattern) => ({ kind, pattern, except })))
  return [...rows(rules, false), ...rows(rules.exclude ?? {}, true)]
}

/** Without rows there are no rules: such an event deploys nothing. */
function rulesOf(rows: readonly RuleRow[]): RefRules | null {
  const kept = rows.map((row) => ({ ...row, pattern: row.pattern.trim() })).filter((row) => row.pattern !== '')
  if (kept.length === 0) return null
  const patterns = (kind: RuleKind, except: boolean) => kept.filter((row) => row.kind === kind && row.except === except).map((row) => row.pattern)
  const all = (except: boolean) => ({ precise: patterns('precise', except), prefix: patterns('prefix', except), regex: patterns('regex', except) })
  return { ...all(false), exclude: all(true) }
}

export function toRows(triggers: ProviderTriggers | undefined): RuleRows {
  return { push: rowsOf(triggers?.push?.branches), tag: rowsOf(triggers?.push?.tags), merged: rowsOf(triggers?.pullRequest?.branches) }
}

export function fromRows(rows: RuleRows, version: string): ProviderTriggers {
  return {
    push: { branches: rulesOf(rows.push), tags: rulesOf(rows.tag) },
    pullRequest: { branches: rulesOf(rows.merged) },
    version: version.trim() || null,
  }
}

/** Where the server says what is wrong, as the form knows it. */
export function eventOf(field: string): EventKind | 'version' | undefined {
  if (/push\.branches/.test(field)) return 'push'
  if (/push\.tags/.test(field)) return 'tag'
  if (/pullRequest\.branches/.test(field)) return 'merged'
  return /\.version$/.test(field) ? 'version' : undefined
}
