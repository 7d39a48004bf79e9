import { api } from '@/api/client'
import type { Me } from '@/api/types'

export async function fetchMe(): Promise<{ me: Me; csrfToken: string }> {
  const answer = await api.get<Me & { csrfToken: string | null }>('/me')
  return { me: answer, csrfToken: answer.csrfToken ?? '' }
}

/** What one may do in the chosen org: codes such as `host:read`. */
export async function fetchOperations(): Promise<string[]> {
  return (await api.get<{ operations: string[] }>('/me/permissions')).operations
}

/** Signs in with HttpOnly cookies; answers the CSRF token. */
export async function logIn(login: string, password: string): Promise<string> {
  const answer = await api.post<{ csrfToken?: string }>('/auth/login', { login, password }, { mode: 'cookie' })
  return answer.csrfToken ?? ''
}

export async function logOut(): Promise<void> {
  await api.post<void>('/auth/logout')
}
