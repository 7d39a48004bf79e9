/** Who is signed in, for which org, and what they may do. The cookie is the session; this is only what we know of it. */
import { computed, readonly, ref, shallowRef } from 'vue'
import { throughGaps } from '@/api/gaps'
import { setCsrfToken, setOrg } from '@/api/http'
import { asProblem, type Problem } from '@/api/problem'
import type { Schemas } from '@/api/server'
import { answerChallenge, fetchMe, fetchPermissions, logIn, logOut, type Me } from './api'
import { questionOf, type Method, type Question } from './question'

export type SessionState = 'unknown' | 'signedOut' | 'signedIn' | 'unreachable'

const ORG = 'muster.org'

const state = ref<SessionState>('unknown')
const me = shallowRef<Me>()
const problem = shallowRef<Problem>()
const orgId = ref(localStorage.getItem(ORG) ?? '')
const operations = shallowRef<ReadonlySet<string>>(new Set())
const all = ref(false)

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
    await throughGaps(async () => {
      const found = await fetchMe()
      setCsrfToken(found.csrfToken ?? '')
      await enter(found)
    })
  } catch (error) {
    const seen = asProblem(error)
    problem.value = seen
    state.value = seen.status === 401 ? 'signedOut' : 'unreachable'
  }
  return state.value
}

/** What changed about the person: a new membership, another name. Keeps the chosen org if it is still theirs. */
async function reload(): Promise<void> {
  await enter(await fetchMe())
}

/** In, or the question that is left. */
async function proceed(answer: Schemas['SignedIn']): Promise<Question | undefined> {
  const question = questionOf(answer)
  if (question) return question
  setCsrfToken(answer.csrfToken ?? '')
  const found = await fetchMe()
  if (found.csrfToken) setCsrfToken(found.csrfToken)
  await enter(found)
  return undefined
}

async function signIn(login: string, password: string, platform = ''): Promise<Question | undefined> {
  return proceed(await logIn(login, password, platform))
}

/** Answers a question of a sign-in; there may be another. */
async function answer(challenge: string, method: Method, code: string): Promise<Question | undefined> {
  return proceed(await answerChallenge(challenge, method, code))
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
  const permissions = id ? await fetchPermissions() : undefined
  operations.value = new Set(permissions?.operations)
  all.value = permissions?.allOwnOperations ?? false
  orgId.value = id
  localStorage.setItem(ORG, id)
}

/** May the person give this to others? Nobody gives what they don't have. */
function mayGive(operation: string): boolean {
  return all.value || operations.value.has(operation)
}

/** An administrator of platforms, or the super administrator. */
const administers = computed(() => me.value?.user.superAdmin === true || (me.value?.administers.length ?? 0) > 0)

/** May the person change this platform; without one, any at all? */
function manages(platformId?: string): boolean {
  if (me.value?.user.superAdmin) return true
  return me.value?.administers.some((one) => one.kind === 'manager' && (!platformId || one.platformId === platformId)) ?? false
}

/** The super administrator is not in the database and has neither inbox nor profile. */
const isUser = computed(() => me.value?.user.id != null)

const org = computed(() => me.value?.orgs.find((one) => one.id === orgId.value))

/** May the person do this in the chosen org? The server decides again; this only keeps useless buttons away. */
function may(operation: string): boolean {
  return operations.value.has(operation)
}

export function useSession() {
  return { state: readonly(state), me, org, orgId: readonly(orgId), problem, may, mayGive, administers, manages, isUser, restore, reload, signIn, answer, signOut, forget, chooseOrg }
}
