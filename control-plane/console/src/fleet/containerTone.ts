import type { Tone } from '@/ui/StatusDot.vue'

/** A container's state and its health check's verdict as one status. */
export function containerStatus(state: string, health: string): { tone: Tone; word: string } {
  const running = state.toLowerCase() === 'running'
  const verdict = health.toLowerCase()
  if (running && verdict === 'unhealthy') return { tone: 'bad', word: 'unhealthy' }
  if (running && verdict === 'starting') return { tone: 'busy', word: 'starting' }
  if (running && verdict === 'healthy') return { tone: 'ok', word: 'healthy' }
  if (running) return { tone: 'ok', word: 'running' }
  switch (state.toLowerCase()) {
    case 'restarting':
      return { tone: 'warn', word: 'restarting' }
    case 'paused':
      return { tone: 'warn', word: 'paused' }
    case 'dead':
      return { tone: 'bad', word: 'dead' }
    case 'created':
      return { tone: 'idle', word: 'created' }
    case 'removing':
      return { tone: 'idle', word: 'removing' }
    default:
      return { tone: 'idle', word: 'exited' }
  }
}
