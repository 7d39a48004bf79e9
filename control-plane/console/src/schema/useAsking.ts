import { ref, type Ref } from 'vue'
import { useQueryClient } from '@tanstack/vue-query'
import { useI18n } from 'vue-i18n'
import { asProblem } from '@/api/problem'
import { problemLine } from '@/ui/problemText'

/** Something that is asked for a ticket's server, one at a time; the ticket is read again after it. */
export function useAsking(ticket: () => string, asks: () => Promise<unknown>): { busy: Ref<boolean>; failure: Ref<string>; ask: () => Promise<void> } {
  const { t } = useI18n()
  const queries = useQueryClient()
  const busy = ref(false)
  const failure = ref('')
  async function ask(): Promise<void> {
    if (busy.value) return
    busy.value = true
    failure.value = ''
    try {
      await asks()
      await queries.invalidateQueries({ queryKey: ['ticket', ticket()] })
    } catch (error) {
      failure.value = problemLine(t, asProblem(error))
    } finally {
      busy.value = false
    }
  }
  return { busy, failure, ask }
}
