/** Who is signed in, for which org, and what they may do. The cookie is the session; this is only what we know of it. */
import { computed, readonly, ref, shallowRef } from 'vue'
import { asProblem, type Problem } from '@/api/problem'
import { setCsrfToken, setOrg } from '@/api/http'
import { fetchMe, fetchOperations, logIn, logOut, type Me } from './api'

export type SessionState = 'unknown' | 'signedOut' | 'signedIn' | 'unreachable'

const ORG = 'muster.org'

const state = ref<SessionState>('unknown')
const me = shallowRef<Me>()
const problem = shallowRef<Problem>()
const orgId = ref(localStorage.getItem(ORG) ?? '')
const operations = shallowRef<ReadonlySet<string>>(new Set())

async function enter(next: Me): Promise<void> {
  const orgs = next.orgs
  const org = orgs.find((one) => one.id === orgId.value) ?? orgs[0]
  await chooseOrg(org?.id ?? '')
  me.value = next
  state.value = 'signedIn'
}

/** Asks the server whether the cookie still holds a session. */
async function restore(): Promise<SessionState> {
  try {
    const found = await fetchMe()
    setCsrfToken(found.csrfToken ?? '')
    await enter(found)
  } catch (error) {
    const seen = asProblem(error)
    problem.value = seen
    state.value = seen.status === 401 ? 'signedOut' : 'unreachable'
  }
  return state.value
}

async function signIn(login: string, password: string): Promise<void> {
  setCsrfToken(await logIn(login, password))
  const found = await fetchMe()
  if (found.csrfToken) setCsrfToken(found.csrfToken)
  await enter(found)
}

async function signOut(): Promise<void> {
  await logOut().catch(() => undefined)
  forget()
}

function forget(): void {
  me.value = undefined
  setCsrfToken('')
  state.value = 'signedOut'
}

/** Enters an org: everything that is asked from now on is asked of it. */
async function chooseOrg(id: string): Promise<void> {
  setOrg(id)
  operations.value = new Set(id ? await fetchOperations() : [])
  orgId.value = id
  localStorage.setItem(ORG, id)
}

const org = computed(() => me.value?.orgs.find((one) => one.id === orgId.value))

/** May the person do this in the chosen org? The server decides again; this only keeps useless buttons away. */
function may(operation: string): boolean {
  return operations.value.has(operation)
}

export function useSession() {
  return { state: readonly(state), me, org, orgId: readonly(orgId), problem, may, restore, signIn, signOut, forget, chooseOrg }
}
