/** The latest values of a host, by series name. */
import type { Schemas } from '@/api/server'
import type { Host } from './useHosts'
import type { Tone } from '@/ui/StatusDot.vue'

type Latest = Schemas['Latest'] | null | undefined

export function reading(latest: Latest, series: string): number | null {
  return latest?.values[series] ?? null
}

export function cpuPercent(latest: Latest): number | null {
  return reading(latest, 'cpu.total')
}

export function memoryRatio(latest: Latest): number | null {
  const used = reading(latest, 'memory.used')
  const total = reading(latest, 'memory.total')
  return used === null || !total ? null : used / total
}

/** The fullest file system. */
export function fullestDisk(latest: Latest): { mount: string; ratio: number } | null {
  let worst: { mount: string; ratio: number } | null = null
  for (const [name, used] of Object.entries(latest?.values ?? {})) {
    const match = /^disk\.(.+)\.used$/.exec(name)
    const total = match ? reading(latest, `disk.${match[1]}.total`) : null
    if (!match?.[1] || !total) continue
    if (!worst || used / total > worst.ratio) worst = { mount: match[1], ratio: used / total }
  }
  return worst
}

export function hostTone(status: Host['status']): Tone {
  switch (status) {
    case 'online':
      return 'ok'
    case 'degraded':
      return 'warn'
    case 'offline':
      return 'bad'
    default:
      return 'idle'
  }
}
