import type { IconName } from '@/ui/AppIcon.vue'

export interface RailPage {
  route: string
  title: string
  icon: IconName
  /** What one must be allowed to see it. */
  needs?: string
  /** For those who administer platforms. */
  administers?: boolean
  /** Beginning of the names of the pages that belong to it. */
  others?: readonly string[]
}

/** What the rail and the search know: only pages that exist. */
export const PAGES: RailPage[] = [
  { route: 'overview', title: 'nav.overview', icon: 'overview' },
  { route: 'hosts', title: 'nav.hosts', icon: 'host', needs: 'host:read' },
  { route: 'applications', title: 'nav.applications', icon: 'application', needs: 'application:read' },
  { route: 'deployments', title: 'nav.deployments', icon: 'deployment', needs: 'deployment:read' },
  { route: 'releases', title: 'nav.releases', icon: 'release', needs: 'release:read' },
  { route: 'people', title: 'nav.people', icon: 'people', needs: 'member:read', others: ['joining', 'departments', 'roles', 'why', 'org'] },
  { route: 'audit', title: 'nav.audit', icon: 'audit', needs: 'audit:read' },
  { route: 'settings', title: 'nav.settings', icon: 'settings' },
]
