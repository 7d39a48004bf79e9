/** A fleet as large as wanted: `MUSTER_RECORDED_HOSTS=5000 MUSTER_RECORDED=1 npm run dev`. Its values move with time. */
const now = () => Date.now()
const iso = (ms) => new Date(ms).toISOString()
const GIB = 2 ** 30

/** The same number for the same host, between 0 and 1. */
const chance = (n, salt) => {
  const x = Math.sin(n * 12.9898 + salt * 78.233) * 43_758.5453
  return x - Math.floor(x)
}
const ROLES = ['web', 'web', 'web', 'api', 'api', 'db', 'cache', 'queue', 'ci', 'edge']
const ENVIRONMENTS = ['prod', 'prod', 'prod', 'prod', 'staging', 'test', 'dev', null]

export function manyHosts(few, count) {
  return Array.from({ length: Math.max(0, count - few.length) }, (_, i) => {
    const n = i + 1000
    const role = ROLES[Math.floor(chance(n, 1) * ROLES.length)]
    const luck = chance(n, 2)
    const status = luck < 0.006 ? 'offline' : luck < 0.012 ? 'degraded' : 'online'
    return {
      ...few[n % few.length],
      id: `01890000-0000-7000-8000-${String(n + 100_000).padStart(12, '0')}`,
      name: `${role}-${String(n).padStart(5, '0')}`,
      hostname: `${role}-${n}`,
      status,
      businessStatus: 1,
      environment: ENVIRONMENTS[Math.floor(chance(n, 3) * ENVIRONMENTS.length)],
      labels: { role, zone: 'abc'[n % 3], rack: `r${Math.floor(chance(n, 4) * 60)}` },
      lastSeenAt: iso(now() - (status === 'offline' ? 700_000 : 3_000)),
    }
  })
}

/** A page of a list, as `limit` and `cursor` want it. */
export function paged(items, url) {
  const from = Number(url.searchParams.get('cursor') ?? 0)
  const to = from + Number(url.searchParams.get('limit') ?? 50)
  return { items: items.slice(from, to), nextCursor: to < items.length ? String(to) : null }
}

/** Present values of every host; one in two hundred has said nothing yet. */
export function fleetValues(hosts) {
  const time = now() / 60_000
  const items = hosts.flatMap((host, n) => {
    if (n % 200 === 199) return []
    const swing = (salt, speed) => 0.5 + 0.5 * Math.sin(time * speed + chance(n, salt) * 6.283)
    const busy = Math.min(1, chance(n, 5) ** 2 * 0.8 + 0.2 * swing(6, 3) + (chance(n, 7) > 0.985 ? 0.7 : 0))
    const network = 10 ** (3.2 + 4.6 * chance(n, 8)) * (0.4 + swing(9, 2))
    return [{
      hostId: host.id,
      at: host.status === 'offline' ? host.lastSeenAt : iso(now() - 4_000),
      values: {
        'cpu.total': busy * 100,
        'load.1': busy * host.facts.cpus * (0.6 + chance(n, 10)),
        'memory.used': (0.2 + 0.75 * chance(n, 11)) * 16 * GIB,
        'memory.total': 16 * GIB,
        'disk./.used': (0.1 + 0.6 * chance(n, 12)) * 50 * GIB,
        'disk./.total': 50 * GIB,
        'disk./var/lib/docker.used': (0.15 + 0.83 * chance(n, 13) ** 1.6) * 200 * GIB,
        'disk./var/lib/docker.total': 200 * GIB,
        'net.eth0.rxBytes': network,
        'net.eth0.txBytes': network * 0.3,
        'net.docker0.rxBytes': network * 0.2,
        'net.docker0.txBytes': network * 0.1,
      },
    }]
  })
  return { items }
}
