import { computed, type ComputedRef, type Ref } from 'vue'
import { useI18n } from 'vue-i18n'
import type { RouteLocationRaw } from 'vue-router'
import type { Host } from '@/api/types'
import { fullestDisk } from '@/fleet/readings'
import type { Instant } from '@/format/time'
import type { Tone } from '@/ui/StatusDot.vue'
import { useFormat } from '@/ui/useFormat'

export interface Trouble {
  key: string
  tone: Tone
  text: string
  at?: Instant | null
  to: RouteLocationRaw
}

/** From this share on a file system is worth a look. */
const DISK_FULL = 0.9

/** What is wrong right now, worst first. */
export function useTrouble(hosts: Ref<Host[]>): ComputedRef<Trouble[]> {
  const { t } = useI18n()
  const format = useFormat()
  return computed(() => {
    const found: Trouble[] = []
    for (const host of hosts.value) {
      const to = { name: 'host', params: { id: host.id } }
      if (host.status === 'offline')
        found.push({ key: `${host.id}:down`, tone: 'bad', text: t('overview.hostDown', { name: host.name }), at: host.lastSeenAt, to })
      if (host.status === 'degraded')
        found.push({ key: `${host.id}:slow`, tone: 'warn', text: t('overview.hostDegraded', { name: host.name }), at: host.lastSeenAt, to })
      const disk = fullestDisk(host.latest)
      if (disk && disk.ratio >= DISK_FULL) {
        const percent = format.percent(Math.round(disk.ratio * 100))
        found.push({ key: `${host.id}:disk`, tone: 'warn', text: t('overview.diskFull', { name: host.name, mount: disk.mount, percent }), to })
      }
    }
    return found.sort((a, b) => Number(b.tone === 'bad') - Number(a.tone === 'bad'))
  })
}
