import type { DeploymentStatus, StepStatus } from './useDeployments'
import type { Tone } from '@/ui/StatusDot.vue'

/** Nothing more will happen to it. */
export function isFinal(status: DeploymentStatus): boolean {
  return ['success', 'failure', 'cancelled', 'rolledBack', 'skipped'].includes(status)
}

export function deploymentTone(status: DeploymentStatus): Tone {
  switch (status) {
    case 'success':
      return 'ok'
    case 'failure':
      return 'bad'
    case 'rolledBack':
    case 'waitingApproval':
      return 'warn'
    case 'running':
      return 'busy'
    case 'pending':
    case 'cancelled':
    case 'skipped':
      return 'idle'
  }
}

export function stepTone(status: StepStatus): Tone {
  switch (status) {
    case 'done':
      return 'ok'
    case 'failed':
      return 'bad'
    case 'running':
      return 'busy'
    case 'skipped':
      return 'idle'
  }
}

/** An application's lifecycle code as a word and a tone. */
export function lifecycle(status: number): { tone: Tone; word: string } {
  switch (status) {
    case 1:
      return { tone: 'busy', word: 'building' }
    case 2:
      return { tone: 'ok', word: 'built' }
    case -2:
      return { tone: 'bad', word: 'buildFailed' }
    case 3:
      return { tone: 'busy', word: 'deploying' }
    case 4:
      return { tone: 'ok', word: 'deployed' }
    case -4:
      return { tone: 'bad', word: 'deployFailed' }
    default:
      return { tone: 'idle', word: 'created' }
  }
}
