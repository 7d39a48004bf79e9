import type { Schemas } from '@/api/server'
import { changed } from '@/forms/description'
import type { SecretProvider } from './useProviders'

/** A provider as a form holds it; no interval is "by hand". */
export interface ProviderForm {
  name: string
  url: string
  clientId: string
  clientSecret: string
  projectId: string
  environment: string
  path: string
  intervalS: string
}

export const INTERVALS_S: readonly number[] = [60, 300, 900, 3600, 21_600, 86_400]

export const NEW_PROVIDER: ProviderForm = { name: '', url: 'https://app.infisical.com', clientId: '', clientSecret: '', projectId: '', environment: '', path: '/', intervalS: '300' }

export function providerToForm(one: SecretProvider): ProviderForm {
  return { name: one.name, url: one.url, clientId: one.clientId, clientSecret: '', projectId: one.projectId, environment: one.environment, path: one.path, intervalS: one.autoSync ? String(one.intervalS) : '' }
}

/** What differs from before; a secret that was not typed is the one that is there. */
export function providerPatch(form: ProviderForm, before?: SecretProvider): Schemas['SecretProviderPatch'] {
  const { intervalS, clientSecret, ...words } = form
  const trimmed = Object.fromEntries(Object.entries(words).map(([key, value]) => [key, value.trim()])) as typeof words
  return {
    ...(before ? changed(trimmed, providerToForm(before)) : trimmed),
    ...(clientSecret ? { clientSecret } : {}),
    autoSync: intervalS !== '',
    ...(intervalS ? { intervalS: Number(intervalS) } : {}),
  }
}
