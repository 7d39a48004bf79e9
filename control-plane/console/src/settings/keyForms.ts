import type { FormDescription } from '@/forms/description'

/** The forms about API keys. */

export const KEY_KINDS = ['full', 'deploy', 'readonly'] as const
export const LIVES_DAYS = ['30', '90', '365'] as const
/** Seconds for which an old key works beside its successor. */
export const OVERLAPS_S = ['0', '3600', '86400', '604800'] as const

export const NEW_KEY: FormDescription = [
  { name: 'name', input: 'text', label: 'settings.keyName', hint: 'settings.keyNameHint', rules: [['required'], ['length', 1, 128]] },
  { name: 'kind', input: 'select', label: 'settings.keyKind' },
  { name: 'applicationId', input: 'select', label: 'settings.keyScope', hint: 'settings.keyScopeHint' },
  { name: 'expiresInDays', input: 'select', label: 'settings.keyExpires' },
]

export const ROTATION: FormDescription = [{ name: 'overlapS', input: 'select', label: 'settings.keyOverlap', hint: 'settings.keyOverlapHint' }]
