import { createRouter, createWebHistory } from 'vue-router'
import { wantsLoading, watchPages } from './api/gaps'
import { setPageTitle } from './frame/pageTitle'
import { useMoreWords } from './i18n'
import { takeAfterwards } from './session/afterwards'
import { safePath } from './session/safePath'
import { useSession } from './session/session'

export const router = createRouter({
  history: createWebHistory(),
  scrollBehavior: (to, from, saved) => saved ?? (to.path === from.path ? false : { top: 0 }),
  routes: [
    { path: '/sign-in', name: 'signIn', component: () => import('./session/SignIn.vue'), meta: { bare: true, title: 'signIn.title' } },
    { path: '/forgot-password', name: 'forgot', component: () => import('./session/ForgotPage.vue'), meta: { bare: true, title: 'forgot.title', anyone: true } },
    { path: '/reset-password', name: 'reset', component: () => import('./session/ResetPage.vue'), meta: { bare: true, title: 'reset.title', anyone: true } },
    { path: '/verify-email', name: 'verify', component: () => import('./session/VerifyPage.vue'), meta: { bare: true, title: 'verify.title', anyone: true } },
    { path: '/register', name: 'register', component: () => import('./session/RegisterPage.vue'), meta: { bare: true, title: 'register.title', open: true } },
    { path: '/invitations/:token', name: 'invitation', component: () => import('./session/InvitationPage.vue'), meta: { bare: true, title: 'invitation.title', anyone: true } },
    { path: '/install', name: 'install', component: () => import('./setup/InstallPage.vue'), meta: { bare: true, title: 'install.title' } },
    { path: '/', name: 'overview', component: () => import('./overview/OverviewPage.vue'), meta: { title: 'nav.overview' } },
    { path: '/hosts', name: 'hosts', component: () => import('./fleet/HostsPage.vue'), meta: { title: 'nav.hosts' } },
    { path: '/hosts/wall', name: 'wall', component: () => import('./fleet/wall/WallPage.vue'), meta: { title: 'wall.title', parent: 'hosts' } },
    { path: '/hosts/compare', name: 'compareHosts', component: () => import('./fleet/compare/ComparePage.vue'), meta: { title: 'hostCompare.title', parent: 'hosts' } },
    {
      path: '/hosts/:id/:tab(charts|containers|accounts|facts)?',
      name: 'host',
      component: () => import('./fleet/HostPage.vue'),
      meta: { title: 'nav.host', parent: 'hosts' },
    },
    { path: '/clusters', name: 'clusters', component: () => import('./fleet/ClustersPage.vue'), meta: { title: 'placesNav.clusters', parent: 'hosts' } },
    { path: '/environments', name: 'environments', component: () => import('./fleet/EnvironmentsPage.vue'), meta: { title: 'placesNav.environments', parent: 'hosts' } },
    { path: '/instances', name: 'instances', component: () => import('./fleet/InstancesPage.vue'), meta: { title: 'placesNav.instances', parent: 'hosts' } },
    { path: '/join-tokens', name: 'joinTokens', component: () => import('./fleet/JoinTokensPage.vue'), meta: { title: 'placesNav.joinTokens', parent: 'hosts' } },
    { path: '/databases', name: 'databases', component: () => import('./databases/DatabasesPage.vue'), meta: { title: 'placesNav.databases' } },
    { path: '/databases/drift', name: 'drift', component: () => import('./databases/DriftPage.vue'), meta: { title: 'drift.title', parent: 'databases' } },
    { path: '/databases/set-aside', name: 'setAsides', component: () => import('./databases/SetAsidePage.vue'), meta: { title: 'setAside.title', parent: 'databases' } },
    { path: '/containers', name: 'containers', component: () => import('./containers/ContainersPage.vue'), meta: { title: 'nav.containers' } },
    { path: '/hosts/:id/container/:name/:tab(charts)?', name: 'container', component: () => import('./containers/ContainerPage.vue'), meta: { title: 'nav.container', parent: 'containers' } },
    { path: '/applications', name: 'applications', component: () => import('./delivery/ApplicationsPage.vue'), meta: { title: 'nav.applications' } },
    { path: '/registries', name: 'registries', component: () => import('./delivery/RegistriesPage.vue'), meta: { title: 'nav.registries', parent: 'applications' } },
    { path: '/registries/:id', name: 'registry', component: () => import('./delivery/RegistryPage.vue'), meta: { title: 'nav.registry', parent: 'registries' } },
    { path: '/images', name: 'images', component: () => import('./delivery/ImagesPage.vue'), meta: { title: 'nav.images', parent: 'applications' } },
    { path: '/images/:id', name: 'image', component: () => import('./delivery/ImagePage.vue'), meta: { title: 'nav.image', parent: 'images' } },
    { path: '/applications/:id/:tab(versions|environments|variables|triggers|settings)?', name: 'application', component: () => import('./delivery/ApplicationPage.vue'), meta: { title: 'nav.application', parent: 'applications' } },
    { path: '/deployments', name: 'deployments', component: () => import('./delivery/DeploymentsPage.vue'), meta: { title: 'nav.deployments' } },
    { path: '/deployments/:id', name: 'deployment', component: () => import('./delivery/DeploymentPage.vue'), meta: { title: 'nav.deployment', parent: 'deployments' } },
    { path: '/alerts/:tab(history|rules|silences|receivers)?', name: 'alerts', component: () => import('./alerts/AlertsPage.vue'), meta: { title: 'nav.alerts' } },
    { path: '/secrets', name: 'secrets', component: () => import('./secrets/SecretGroupsPage.vue'), meta: { title: 'nav.secrets' } },
    { path: '/secrets/groups/:id/:tab(usage|syncs)?', name: 'secretGroup', component: () => import('./secrets/SecretGroupPage.vue'), meta: { title: 'nav.secretGroup', parent: 'secrets' } },
    { path: '/secrets/providers', name: 'secretProviders', component: () => import('./secrets/ProvidersPage.vue'), meta: { title: 'nav.secretProviders', parent: 'secrets' } },
    { path: '/secrets/variables', name: 'sharedVariables', component: () => import('./secrets/SharedVariablesPage.vue'), meta: { title: 'nav.sharedVariables', parent: 'secrets' } },
    { path: '/designs', name: 'designs', component: () => import('./designs/DesignsPage.vue'), meta: { title: 'nav.designs' } },
    { path: '/designs/new', name: 'newTable', component: () => import('./designs/NewTablePage.vue'), meta: { title: 'nav.newTable', parent: 'designs' } },
    { path: '/designs/new-flow', name: 'newFlow', component: () => import('./designs/NewFlowPage.vue'), meta: { title: 'nav.newFlow', parent: 'releases' } },
    { path: '/designs/diagram', name: 'diagram', component: () => import('./designs/diagram/DiagramPage.vue'), meta: { title: 'nav.diagram', parent: 'designs' } },
    { path: '/designs/:id/:tab(revisions|published)?', name: 'design', component: () => import('./designs/DocumentPage.vue'), meta: { title: 'nav.design', parent: 'designs' } },
    { path: '/releases/:tab(tickets|approved|executions|flows)?', name: 'releases', component: () => import('./schema/ReleasesPage.vue'), meta: { title: 'nav.releases' } },
    { path: '/releases/propose', name: 'propose', component: () => import('./schema/ProposePage.vue'), meta: { title: 'nav.propose', parent: 'releases' } },
    { path: '/releases/tickets/:id', name: 'ticket', component: () => import('./schema/TicketPage.vue'), meta: { title: 'nav.ticket', parent: 'releases' } },
    { path: '/releases/:id/run', name: 'release', component: () => import('./schema/ReleasePage.vue'), meta: { title: 'nav.release', parent: 'releases' } },
    { path: '/releases/executions/:id', name: 'execution', component: () => import('./schema/ExecutionPage.vue'), meta: { title: 'nav.execution', parent: 'releases' } },
    { path: '/projects', name: 'projects', component: () => import('./schema/ProjectsPage.vue'), meta: { title: 'nav.projects', parent: 'releases' } },
    { path: '/projects/:id/:tab(pushes)?', name: 'project', component: () => import('./schema/ProjectPage.vue'), meta: { title: 'projects.one', parent: 'projects' } },
    { path: '/files/sends', name: 'fileSends', component: () => import('./files/SendsPage.vue'), meta: { title: 'files.send.page', parent: 'files' } },
    { path: '/files/sends/:id', name: 'fileSend', component: () => import('./files/SendPage.vue'), meta: { title: 'files.send.one', parent: 'fileSends' } },
    { path: '/files/:id?', name: 'files', component: () => import('./files/FilesPage.vue'), meta: { title: 'nav.files' } },
    { path: '/people', name: 'people', component: () => import('./people/MembersPage.vue'), meta: { title: 'nav.people' } },
    { path: '/people/members/:id', name: 'member', component: () => import('./people/MemberPage.vue'), meta: { title: 'nav.member', parent: 'people' } },
    { path: '/people/joining', name: 'joining', component: () => import('./people/JoiningPage.vue'), meta: { title: 'nav.joining', parent: 'people' } },
    { path: '/people/org', name: 'org', component: () => import('./people/OrgPage.vue'), meta: { title: 'nav.org', parent: 'people', homeless: true } },
    { path: '/people/roles/:view(templates)?', name: 'roles', component: () => import('./people/RolesPage.vue'), meta: { title: 'nav.roles', parent: 'people' } },
    { path: '/people/departments', name: 'departments', component: () => import('./people/DepartmentsPage.vue'), meta: { title: 'nav.departments', parent: 'people' } },
    { path: '/people/why', name: 'why', component: () => import('./people/WhyPage.vue'), meta: { title: 'nav.why', parent: 'people' } },
    { path: '/inbox', name: 'inbox', component: () => import('./inbox/InboxPage.vue'), meta: { title: 'nav.inbox', homeless: true } },
    { path: '/profile/:tab(security|devices|keys)?', name: 'profile', component: () => import('./profile/ProfilePage.vue'), meta: { title: 'nav.profile', homeless: true } },
    { path: '/admin/users', name: 'users', component: () => import('./admin/UsersPage.vue'), meta: { title: 'nav.users', homeless: true } },
    { path: '/admin/orgs', name: 'orgs', component: () => import('./admin/OrgsPage.vue'), meta: { title: 'nav.orgs', parent: 'users', homeless: true } },
    { path: '/admin/administrators', name: 'administrators', component: () => import('./admin/AdministratorsPage.vue'), meta: { title: 'nav.administrators', parent: 'users', homeless: true } },
    { path: '/admin/platforms', name: 'platforms', component: () => import('./admin/PlatformsPage.vue'), meta: { title: 'nav.platforms', parent: 'users', homeless: true } },
    { path: '/admin/platforms/:id', name: 'platform', component: () => import('./admin/PlatformPage.vue'), meta: { title: 'nav.platform', parent: 'platforms', homeless: true } },
    { path: '/admin/binding-types', name: 'bindingTypes', component: () => import('./admin/BindingTypesPage.vue'), meta: { title: 'nav.bindingTypes', parent: 'users', homeless: true } },
    { path: '/welcome', name: 'welcome', component: () => import('./people/WelcomePage.vue'), meta: { title: 'nav.welcome', homeless: true } },
    { path: '/audit', name: 'audit', component: () => import('./audit/AuditPage.vue'), meta: { title: 'nav.audit' } },
    { path: '/settings', name: 'settings', component: () => import('./settings/SettingsPage.vue'), meta: { title: 'nav.settings', homeless: true } },
    { path: '/settings/readings', name: 'storage', component: () => import('./settings/StoragePage.vue'), meta: { title: 'storage.page', parent: 'settings' } },
    { path: '/settings/fleet-keys', name: 'fleetKeys', component: () => import('./settings/FleetKeysPage.vue'), meta: { title: 'placesNav.fleetKeys', parent: 'settings', homeless: true } },
    { path: '/settings/outbox', name: 'outbox', component: () => import('./settings/OutboxPage.vue'), meta: { title: 'placesNav.outbox', parent: 'settings', homeless: true } },
    { path: '/:rest(.*)*', name: 'nowhere', component: () => import('./frame/NowherePage.vue'), meta: { title: 'nowhere.title' } },
  ],
})

const session = useSession()

router.beforeEach(async (to) => {
  const words = useMoreWords()
  if (to.name !== 'overview') await words
  else words.catch(() => {})
  if (to.name === 'install') return true
  const state = session.state.value === 'unknown' || session.state.value === 'unreachable' ? await session.restore() : session.state.value
  if (state === 'unreachable' && session.problem.value?.code === 'not-installed') return { name: 'install' }
  if (to.meta.anyone) return true
  // An account at a provider could not be bound: the profile says why.
  if (to.name === 'signIn' && state === 'signedIn' && to.hash.startsWith('#error=')) return { name: 'profile', params: { tab: 'security' }, hash: to.hash }
  if (to.name === 'profile' && !to.params.tab && to.hash.startsWith('#bound=')) return { name: 'profile', params: { tab: 'security' }, hash: to.hash }
  if (to.name === 'signIn' || to.meta.open) return state === 'signedIn' ? { path: safePath(to.query.to) } : true
  if (state !== 'signedIn') return { name: 'signIn', query: to.fullPath === '/' ? {} : { to: to.fullPath } }
  // Back from a provider, which knows only the front page.
  const afterwards = to.path === '/' ? takeAfterwards() : '/'
  if (afterwards !== '/') return { path: afterwards }
  // Who is in no org yet has nothing to look at but the ways into one.
  if (!session.orgId.value && !to.meta.homeless) return { name: session.administers.value ? 'users' : 'welcome' }
  return true
})

// Another tab or another filter of the same thing keeps its name.
router.afterEach((to, from) => {
  if (to.name !== from.name || to.params.id !== from.params.id) setPageTitle(to.meta.title ?? '')
})

watchPages()
router.onError((error, to) => {
  if (wantsLoading(error)) window.location.assign(to.fullPath)
})
