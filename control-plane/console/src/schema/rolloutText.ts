import type { Tone } from '@/ui/StatusDot.vue'
import { isOver } from './tones'
import type { Rollout, RolloutDetail } from './useRollouts'

/** A number of servers, or a part of all of them such as `25%`. */
export type Size = number | string

const MOST_SIZES = 20

/** `1, 25%` as the server takes it; null if it can't be read. */
export function readSizes(text: string): Size[] | null {
  const sizes: Size[] = []
  for (const part of text.split(/[,，、\s]+/).filter(Boolean)) {
    const match = /^(\d{1,4})(%?)$/.exec(part)
    const size = Number(match?.[1] ?? 0)
    if (!match || size < 1 || (match[2] && size > 100)) return null
    sizes.push(match[2] ? `${size}%` : size)
  }
  return sizes.length > MOST_SIZES ? null : sizes
}

/** In which waves servers would come, as the server works it out: as big as asked for, then the rest. */
export function wavesOf(servers: readonly string[], sizes: readonly Size[]): string[][] {
  const waves: string[][] = []
  let begun = 0
  for (const size of sizes) {
    const count = typeof size === 'number' ? size : Math.ceil((servers.length * Number.parseInt(size, 10)) / 100)
    waves.push(servers.slice(begun, begun + Math.max(count, 1)))
    begun += Math.max(count, 1)
  }
  waves.push(servers.slice(begun))
  return waves.filter((wave) => wave.length > 0)
}

export function rolloutTone(status: Rollout['status']): Tone {
  switch (status) {
    case 'rolling':
      return 'busy'
    case 'paused':
      return 'warn'
    case 'halted':
      return 'bad'
    case 'success':
      return 'ok'
    case 'cancelled':
      return 'idle'
  }
}

/** Its servers, wave by wave. */
export function wavesIn(rollout: RolloutDetail): RolloutDetail['servers'][] {
  return Array.from({ length: rollout.waveCount }, (_, wave) => rollout.servers.filter((one) => one.wave === wave))
}

/** Whether nothing of it will move any more by itself. */
export function isStill(rollout: RolloutDetail): boolean {
  return rollout.endedAt !== null && rollout.servers.every((one) => one.executionStatus === null || isOver(one.executionStatus))
}
