import { body, server, type Schemas } from '@/api/server'
import { useThing } from '@/api/useThing'

export type Binding = Schemas['Binding']

export function useBindings() {
  return useThing<Binding[]>(
    () => ['bindings'],
    async (signal) => (await body(server.GET('/api/v1/me/bindings', { signal }))).items,
  )
}

export type BindingType = Schemas['BindingType']

/** What kinds of accounts are called here; it changes rarely. */
export function useBindingTypes() {
  return useThing<BindingType[]>(
    () => ['binding-types'],
    async (signal) => (await body(server.GET('/api/v1/binding-types', { signal }))).items,
  )
}

/** Where the browser has to go to bind an account there. */
export async function bind(provider: string, password: string): Promise<string> {
  return (await body(server.POST('/api/v1/me/bindings/{provider}', { params: { path: { provider } }, body: { password } }))).url
}

export async function unbind(binding: Binding): Promise<void> {
  await server.DELETE('/api/v1/me/bindings', { params: { query: { type: binding.type, typeAccount: binding.typeAccount } } })
}
