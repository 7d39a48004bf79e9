import type { useSession } from '@/session/session'
import type { IconName } from '@/ui/AppIcon.vue'

export interface KnownPage {
  route: string
  title: string
  icon: IconName
  /** What one must be allowed to see it. */
  needs?: string
  /** For those who administer platforms. */
  administers?: boolean
  /** For the super administrator. */
  superAdmin?: boolean
  /** For those who are in the database: everybody but the super administrator. */
  user?: boolean
  /** For those who are in an org. */
  org?: boolean
}

/** What the rail and the search know: only pages that exist. */
export const PAGES: KnownPage[] = [
  { route: 'overview', title: 'nav.overview', icon: 'overview', org: true },
  { route: 'hosts', title: 'nav.hosts', icon: 'host', needs: 'host:read' },
  { route: 'containers', title: 'nav.containers', icon: 'container', needs: 'telemetry:read' },
  { route: 'applications', title: 'nav.applications', icon: 'application', needs: 'application:read' },
  { route: 'deployments', title: 'nav.deployments', icon: 'deployment', needs: 'deployment:read' },
  { route: 'databases', title: 'placesNav.databases', icon: 'database', needs: 'server:read' },
  { route: 'designs', title: 'nav.designs', icon: 'table', needs: 'design:read' },
  { route: 'releases', title: 'nav.releases', icon: 'release', needs: 'release:read' },
  { route: 'alerts', title: 'nav.alerts', icon: 'alert', needs: 'alert:read' },
  { route: 'secrets', title: 'nav.secrets', icon: 'secret', needs: 'secret:read' },
  { route: 'files', title: 'nav.files', icon: 'folder', needs: 'file:read' },
  { route: 'people', title: 'nav.people', icon: 'people', needs: 'member:read' },
  { route: 'audit', title: 'nav.audit', icon: 'audit', needs: 'audit:read' },
  { route: 'users', title: 'nav.admin', icon: 'shield', administers: true },
  { route: 'settings', title: 'nav.settings', icon: 'settings' },
]

/** Reached from the pages of the rail or the bar. */
const FURTHER: KnownPage[] = [
  { route: 'inbox', title: 'nav.inbox', icon: 'inbox', user: true },
  { route: 'profile', title: 'nav.profile', icon: 'user', user: true },
  { route: 'wall', title: 'wall.title', icon: 'overview', needs: 'telemetry:read' },
  { route: 'compareHosts', title: 'hostCompare.title', icon: 'host', needs: 'telemetry:read' },
  { route: 'clusters', title: 'placesNav.clusters', icon: 'host', needs: 'cluster:read' },
  { route: 'environments', title: 'placesNav.environments', icon: 'branch', needs: 'environment:read' },
  { route: 'instances', title: 'placesNav.instances', icon: 'host', needs: 'host:read' },
  { route: 'joinTokens', title: 'placesNav.joinTokens', icon: 'key', needs: 'joinToken:read' },
  { route: 'images', title: 'nav.images', icon: 'container', needs: 'registry:read' },
  { route: 'registries', title: 'nav.registries', icon: 'download', needs: 'registry:read' },
  { route: 'secretProviders', title: 'nav.secretProviders', icon: 'refresh', needs: 'secret:read' },
  { route: 'sharedVariables', title: 'nav.sharedVariables', icon: 'branch', needs: 'application:read' },
  { route: 'diagram', title: 'nav.diagram', icon: 'branch', needs: 'design:read' },
  { route: 'projects', title: 'nav.projects', icon: 'branch', needs: 'design:read' },
  { route: 'joining', title: 'nav.joining', icon: 'people', needs: 'member:write' },
  { route: 'departments', title: 'nav.departments', icon: 'department', needs: 'department:read' },
  { route: 'roles', title: 'nav.roles', icon: 'shield', needs: 'role:read' },
  { route: 'why', title: 'nav.why', icon: 'question', needs: 'member:read' },
  { route: 'org', title: 'nav.org', icon: 'org', org: true },
  { route: 'fleetKeys', title: 'placesNav.fleetKeys', icon: 'key', superAdmin: true },
  { route: 'outbox', title: 'placesNav.outbox', icon: 'inbox', administers: true },
  { route: 'users', title: 'nav.users', icon: 'people', administers: true },
  { route: 'orgs', title: 'nav.orgs', icon: 'org', administers: true },
  { route: 'administrators', title: 'nav.administrators', icon: 'shield', administers: true },
  { route: 'platforms', title: 'nav.platforms', icon: 'shield', administers: true },
  { route: 'bindingTypes', title: 'nav.bindingTypes', icon: 'key', administers: true },
]

type Session = ReturnType<typeof useSession>

function isOpen(page: KnownPage, session: Session): boolean {
  if (page.needs) return session.may(page.needs)
  if (page.superAdmin) return session.me.value?.user.superAdmin === true
  if (page.administers) return session.administers.value
  if (page.user) return session.isUser.value
  return !page.org || session.orgId.value !== ''
}

export function railPages(session: Session): KnownPage[] {
  return PAGES.filter((page) => isOpen(page, session))
}

/** All that one may go to. */
export function openPages(session: Session): KnownPage[] {
  return [...PAGES.filter((page) => !page.administers), ...FURTHER].filter((page) => isOpen(page, session))
}
