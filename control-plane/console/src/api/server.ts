/**
 * The one door to the server. Paths, parameters and bodies are checked against the OpenAPI document at build time; a
 * failure is thrown as a `Problem`.
 */
import createClient from 'openapi-fetch'
import { send } from './http'
import type { components, paths } from './schema'

export type Schemas = components['schemas']

export const server = createClient<paths>({ baseUrl: window.location.origin, fetch: send })

/** The body of a success; failures were thrown before. */
export async function body<T>(call: Promise<{ data?: T }>): Promise<T> {
  return (await call).data as T
}

/** Empty filters are left out of the address. */
export function some<T extends Record<string, unknown>>(query: T): T {
  return Object.fromEntries(Object.entries(query).filter(([, value]) => value !== '' && value !== undefined)) as T
}
