import { body, server, type Schemas } from '@/api/server'
import { useThing } from '@/api/useThing'

export type LintRule = Schemas['LintRule']
export type LintLevel = Schemas['LintLevel']

export const LEVELS: readonly LintLevel[] = ['off', 'info', 'warning', 'error']

export function useLintRules() {
  return useThing<LintRule[]>(
    () => ['lintRules'],
    async (signal) => (await body(server.GET('/api/v1/schema/lint-rules', { signal }))).items,
  )
}

/** Only what differs from the rules as they are by themselves. */
export function changedOf(rules: readonly LintRule[], chosen: Readonly<Record<string, LintLevel>>): Record<string, LintLevel> {
  return Object.fromEntries(rules.flatMap(({ name, level }) => (chosen[name] && chosen[name] !== level ? [[name, chosen[name]]] : [])))
}
