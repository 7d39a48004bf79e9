/** The install page's calls, and the installation that this browser began. */
import { computed, ref, shallowRef } from 'vue'
import { asProblem, type Problem } from '@/api/problem'
import { body, server, type Schemas } from '@/api/server'
import { useEventStream } from '@/api/useEventStream'

export type Checked = Schemas['Checked']
export type DatabaseInput = Schemas['DatabaseInput']
export type Progress = Schemas['Progress']
export type Phase = 'form' | 'running' | 'failed' | 'installed'

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

export function useInstallation() {
  const id = ref(sessionStorage.getItem(INSTALLATION) ?? '')
  const phase = ref<Phase>(id.value ? 'running' : 'form')
  const steps = shallowRef<Progress[]>([])
  const problem = shallowRef<Problem>()

  async function finish(): Promise<void> {
    sessionStorage.removeItem(INSTALLATION)
    await untilReady()
    phase.value = 'installed'
  }

  const stream = useEventStream(
    () => (id.value ? `/setup/progress?installationId=${encodeURIComponent(id.value)}` : null),
    ['step', 'end'],
    ({ name, data }) => {
      if (name === 'step') {
        steps.value = [...steps.value, JSON.parse(data) as Progress]
        return
      }
      stream.end()
      if (data === 'installed') void finish()
      else {
        sessionStorage.removeItem(INSTALLATION)
        phase.value = 'failed'
      }
    },
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

  /** Back to the form, with what was typed. */
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

  return { phase, present, tables, problem, begin, again }
}
