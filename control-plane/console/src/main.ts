import './theme/tokens.css'
import './theme/base.css'
import { QueryClient, VueQueryPlugin } from '@tanstack/vue-query'
import { createApp } from 'vue'
import { whenUnauthenticated } from './api/http'
import { asProblem } from './api/problem'
import App from './App.vue'
import { i18n, preferredLocale, useLocale } from './i18n'
import { router } from './router'
import { useSession } from './session/session'

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      refetchOnWindowFocus: true,
      retry: (failures, error) => failures < 2 && asProblem(error).isRetryable,
    },
  },
})

const session = useSession()
whenUnauthenticated(() => {
  if (session.state.value !== 'signedIn') return
  session.forget()
  queries.clear()
  const to = router.currentRoute.value
  void router.push({ name: 'signIn', query: { to: to.fullPath } })
})

/** Not awaited at the top level: no other module may have to wait for this one. */
async function start(): Promise<void> {
  await useLocale(preferredLocale(), false)
  createApp(App).use(i18n).use(VueQueryPlugin, { queryClient: queries }).use(router).mount('#app')
}
void start()
