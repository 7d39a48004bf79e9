/** The install page's calls, and the installation that this browser began. */
import { computed, ref, shallowRef } from 'vue'
import { asProblem, type Problem } from '@/api/problem'
import { body, server, type Schemas } from '@/api/server'
import { useEventStream } from '@/api/useEventStream'

export type Checked = Schemas['Checked']
export type DatabaseInput = Schemas['DatabaseInput']
export type Progress = Schemas['Progress']
/** `lost`: the control plane was started anew in the middle, and knows nothing of this installation. */
export type Phase = 'form' | 'running' | 'failed' | 'lost' | 'installed'

/** A reload comes back to the installation that runs. */
const INSTALLATION = 'muster.installation'
const READY_EVERY_MS = 500
const READY_TRIES = 120

export async function isInstalled(): Promise<boolean> {
  return (await body(server.GET('/api/v1/setup'))).installed
}

export function tryDatabase(token: string, database: DatabaseInput): Promise<Checked> {
  return body(server.POST('/api/v1/setup/test', { body: { token, database } }))
}

/** The control plane starts anew behind the same address once it is installed. */
async function untilReady(): Promise<void> {
  for (let tries = 0; tries < READY_TRIES; tries += 1) {
    try {
      const answer = await fetch('/readyz')
      if (answer.ok) return
    } catch {
      // Not there for a moment: that is what is waited for.
    }
    await new Promise((later) => setTimeout(later, READY_EVERY_MS))
  }
}

/** What became of an installation whose stream is refused. */
async function stateOf(installationId: string): Promise<'installed' | 'lost' | 'unknown'> {
  if (await isInstalled()) return 'installed'
  const stop = new AbortController()
  try {
    await server.GET('/api/v1/setup/progress', { params: { query: { installationId } }, parseAs: 'stream', signal: stop.signal })
  } catch (error) {
    if (asProblem(error).status !== 404) return 'unknown'
    // It may have ended well between the two questions.
    return (await isInstalled()) ? 'installed' : 'lost'
  }
  stop.abort()
  return 'unknown'
}

export function useInstallation() {
  const id = ref(sessionStorage.getItem(INSTALLATION) ?? '')
  const phase = ref<Phase>(id.value ? 'running' : 'form')
  const steps = shallowRef<Progress[]>([])
  const problem = shallowRef<Problem>()

  async function finish(): Promise<void> {
    stream.end()
    sessionStorage.removeItem(INSTALLATION)
    await untilReady()
    phase.value = 'installed'
  }

  function stop(how: 'failed' | 'lost'): void {
    stream.end()
    sessionStorage.removeItem(INSTALLATION)
    phase.value = how
  }

  /** The stream is refused: Muster may be installed meanwhile, or have been started anew. Else the stream goes on trying. */
  async function lookAfter(): Promise<void> {
    const asked = id.value
    const whole = await stateOf(asked).catch(() => 'unknown')
    if (phase.value !== 'running' || id.value !== asked) return
    if (whole === 'installed') await finish()
    else if (whole === 'lost') stop('lost')
  }

  const stream = useEventStream(
    () => (id.value ? `/setup/progress?installationId=${encodeURIComponent(id.value)}` : null),
    ['step', 'end'],
    ({ name, data }) => {
      if (name === 'step') {
        steps.value = [...steps.value, JSON.parse(data) as Progress]
        return
      }
      if (data === 'installed') void finish()
      else stop('failed')
    },
    () => void lookAfter(),
  )

  async function begin(input: Schemas['SetupInput']): Promise<boolean> {
    problem.value = undefined
    try {
      const { installationId } = await body(server.POST('/api/v1/setup', { body: input }))
      sessionStorage.setItem(INSTALLATION, installationId)
      steps.value = []
      phase.value = 'running'
      id.value = installationId
      return true
    } catch (error) {
      problem.value = asProblem(error)
      return false
    }
  }

  /** Back to the form, which still has what was typed. */
  function again(): void {
    id.value = ''
    phase.value = 'form'
  }

  /** Steps as they stand: the last word on each, tables apart. */
  const present = computed(() => {
    const order: string[] = []
    const last = new Map<string, Progress>()
    for (const step of steps.value.filter((one) => one.step !== 'table')) {
      if (!last.has(step.step)) order.push(step.step)
      last.set(step.step, step)
    }
    return order.map((name) => last.get(name)).filter((step) => step !== undefined)
  })
  const tables = computed(() => steps.value.filter((step) => step.step === 'table'))

  /** The connection broke: how far it is now comes with the next one. */
  const away = computed(() => phase.value === 'running' && stream.state.value === 'reconnecting')

  return { phase, present, tables, away, problem, begin, again }
}
