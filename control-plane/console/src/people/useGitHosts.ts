import { body, server, type Schemas } from '@/api/server'
import { useThing } from '@/api/useThing'

export type GitHost = Schemas['ThirdPart']

/** The org's accounts at git hosts. */
export function useGitHosts(enabled: () => boolean) {
  return useThing<GitHost[]>(
    () => ['git-hosts'],
    async (signal) => (await body(server.GET('/api/v1/org/third-parts', { signal }))).items,
    { enabled },
  )
}

export async function putGitHost(input: Schemas['ThirdPartBody']): Promise<void> {
  await server.PUT('/api/v1/org/third-parts', { body: input })
}

export async function forgetGitHost(provider: string): Promise<void> {
  await server.DELETE('/api/v1/org/third-parts/{provider}', { params: { path: { provider } } })
}
