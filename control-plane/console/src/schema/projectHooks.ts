/** Git hooks of projects: their form, and what became of a commit's wish, in words. */
import type { FormDescription } from '@/forms/description'
import type { Tone } from '@/ui/StatusDot.vue'
import type { GitHook, GitHookInput, GitRefusal, GitWish } from './useProjects'

export interface HookForm {
  provider: GitHook['provider']
  repository: string
  /** One on each line. */
  branches: string
  enabled: 'yes' | 'no'
}

export const HOOK: FormDescription = [
  { name: 'provider', input: 'select', label: 'git.provider' },
  { name: 'repository', input: 'text', label: 'git.repository', hint: 'projects.repositoryHint', rules: [['required'], ['length', 1, 256]], mono: true },
  { name: 'branches', input: 'textarea', label: 'projects.branches', hint: 'projects.branchesHint', mono: true },
  { name: 'enabled', input: 'select', label: 'ui.status' },
]

export function hookForm(hook?: GitHook): HookForm {
  return {
    provider: hook?.provider ?? 'github',
    repository: hook?.repository ?? '',
    branches: (hook?.branches ?? []).join('\n'),
    enabled: hook && !hook.enabled ? 'no' : 'yes',
  }
}

export function hookInput(form: HookForm): GitHookInput {
  const branches = form.branches.split('\n').map((line) => line.trim())
  return { provider: form.provider, repository: form.repository.trim(), branches: branches.filter(Boolean), enabled: form.enabled === 'yes' }
}

/** A wish of which some servers were refused is executed, and is a warning. */
export function wishTone(wish: GitWish): Tone {
  switch (wish.state) {
    case 'open':
      return 'busy'
    case 'executed':
      return wish.refusals.length ? 'warn' : 'ok'
    case 'refused':
      return 'bad'
  }
}

type Translate = (key: string, blanks: Record<string, string>) => string

/** Why something was refused. */
export function refusalText(t: Translate, refusal: GitRefusal, exact: (time: string) => string): string {
  const detail = refusal.detail ?? ''
  const blanks = { detail: refusal.reason === 'outsideWindows' && detail ? exact(detail) : detail }
  const why = t(`projects.refusals.${refusal.reason}`, blanks)
  return refusal.server ? `${refusal.server}: ${why}` : why
}
