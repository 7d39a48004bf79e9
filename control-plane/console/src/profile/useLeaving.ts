import { useQueryClient } from '@tanstack/vue-query'
import { useRouter } from 'vue-router'
import { useSession } from '@/session/session'

/** This session has ended with others: nothing of it may be seen any more. */
export function useLeaving(): (note?: string) => Promise<void> {
  const session = useSession()
  const queries = useQueryClient()
  const router = useRouter()
  return async (note) => {
    session.forget()
    queries.clear()
    await router.push({ name: 'signIn', query: note ? { note } : {} })
  }
}
