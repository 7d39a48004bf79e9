/** Approval flows: made by keyboard, chosen by an environment, and a ticket on its way through one. Told in the org of `deliveryCast.mjs`. */
import assert from 'node:assert/strict'
import { client } from './cast.mjs'

const dialog = (page) => page.getByRole('dialog')

const FLOWS = `
apiVersion: v1alpha1
kind: ApprovalFlow
metadata: {name: careful, label: With the owner}
spec:
  environments: [dev]
  steps:
    - {name: Lead, users: [rita, sam], quorum: 2}
    - {name: Owner, role: OWNER, fromRisk: destructive}
    - {name: Data, departmentHead: Data, environments: [live]}
`

const PROJECT = `
apiVersion: v1alpha1
kind: Project
metadata: {name: orders, label: Orders}
spec: {description: What customers order, applications: [shop]}
`

/** A project whose hook heard of a push, with each kind of refusal that a reader meets first. */
async function projectCast(made, base) {
  made.project = (await made.apply(PROJECT)).applied[0].id
  const hook = await made.owner('POST', `/schema/projects/${made.project}/hooks`, { provider: 'gitlab', repository: 'many-hosts/shop', branches: ['main', 'release/*'] })
  const push = async (branch, sha, message) => {
    const commits = [{ id: sha.repeat(40), message, author: { name: 'sam' } }]
    const said = { ref: `refs/heads/${branch}`, after: sha.repeat(40), project_id: 7, project: { path_with_namespace: 'many-hosts/shop' }, commits, total_commits_count: 21 }
    const answer = await fetch(`${base}${hook.path}`, { method: 'POST', body: JSON.stringify(said), headers: { 'content-type': 'application/json', 'x-gitlab-event': 'Push Hook', 'x-gitlab-token': hook.secret } })
    assert.equal(answer.status, 202, await answer.text())
  }
  await push('main', 'a', 'release: 1.0 for everybody (nowhere#1.0) (live#1.0) (live #1.0)')
  await push('feature/basket', 'b', 'release: 1.1 (live#1.1)')
}

/** A flow, and the department that it names; a project. */
export async function flowCast(made, base) {
  await projectCast(made, base)
  await made.owner('POST', '/departments', { name: 'Data', memberIds: [] })
  const { applied } = await made.apply(FLOWS)
  made.flow = applied[0].id
}

export function flowPages({ flow, project }) {
  return [
    ['projects', '/projects', 'rita'],
    ['projects-none', '/projects?search=no-such-project', 'rita'],
    ['project', `/projects/${project}`, 'rita'],
    ['project-looked-at', `/projects/${project}`, 'vera'],
    ['project-pushes', `/projects/${project}/pushes`, 'rita'],
    ['project-missing', '/projects/01890000-0000-7000-8000-00000000dead', 'rita'],
    ['flows', '/releases/flows', 'rita'],
    ['flows-looked-at', '/releases/flows', 'vera'],
    ['flow', `/designs/${flow}`, 'rita'],
    ['flow-looked-at', `/designs/${flow}`, 'vera'],
    ['flow-new', '/designs/new-flow', 'rita'],
    ['tickets-mine', '/releases/tickets?status=mine', 'rita'],
  ]
}

export const flowStories = {
  'a flow is made by keyboard, and a ticket goes through it, is rejected, corrected and sent again': {
    as: 'rita',
    async run({ page, base, settle, look, made, another }) {
      await page.goto(`${base}/releases/flows`)
      await page.getByRole('button', { name: 'New approval flow' }).click()
      await page.waitForURL(/\/designs\/new-flow/)
      await page.getByRole('textbox', { name: 'Flow', exact: true }).fill('two-steps')
      const step = (n) => page.locator('ol.steps > li').nth(n)
      // What is missing is said, and nothing is sent.
      await page.keyboard.press('Control+s')
      await page.getByText('Give it a name.').first().waitFor()
      await step(0).getByRole('textbox', { name: 'Name of the step' }).fill('Owner')
      await step(0).getByRole('combobox', { name: 'Role' }).selectOption({ label: 'Owner' })
      await page.getByRole('button', { name: 'Add a step' }).focus()
      await page.keyboard.press('Enter')
      await page.waitForFunction(() => document.activeElement.closest('ol.steps > li:nth-child(2)'))
      await page.keyboard.type('Lead')
      await step(1).getByRole('combobox', { name: 'Who approves' }).selectOption({ label: 'People' })
      await step(1).getByRole('checkbox', { name: /rita/ }).click()
      await step(1).getByRole('button', { name: 'Move Lead up' }).focus()
      await page.keyboard.press('Enter')
      await step(0).getByRole('heading', { name: '1. Lead' }).waitFor()
      await settle(page)
      await look(page, 'flow-edited')
      await page.keyboard.press('Control+s')
      await page.waitForURL(/\/designs\/[0-9a-f-]{36}$/)
      const [id] = page.url().split('/').slice(-1)
      const { spec } = await made.owner('GET', `/schema/documents/${id}`)
      assert.deepEqual(spec.steps.map((one) => [one.name, one.user ?? one.role]), [['Lead', 'rita'], ['Owner', 'OWNER']])

      // The environment chooses it for what is safe.
      await page.goto(`${base}/releases/flows`)
      await page.getByRole('button', { name: 'Change the policy of live' }).click()
      await dialog(page).getByRole('combobox', { name: 'Flow for what is safe' }).selectOption('two-steps')
      await settle(page)
      await look(page, 'policy')
      await dialog(page).getByRole('button', { name: 'Save' }).click()
      await page.getByRole('row', { name: /live/ }).filter({ hasText: 'Safe: two-steps' }).waitFor()

      const proposal = { version: '2.0-flow', database: 'shop', environment: 'live', servers: ['shop-db'], sql: 'create table wrong (id int);' }
      const { ticketId } = await (await client(base, 'sam'))('POST', '/schema/proposals', proposal)
      await page.goto(`${base}/inbox`)
      await page.getByText('sam asks for your approval of 2.0-flow for live: Lead').waitFor()
      await page.goto(`${base}/releases/tickets?status=mine`)
      await page.getByRole('row', { name: /2\.0-flow/ }).filter({ hasText: 'Waits for you' }).filter({ hasText: '1 of 2: Lead' }).waitFor()
      await page.getByRole('link', { name: '2.0-flow' }).click()
      await page.waitForURL(new RegExp(`/releases/tickets/${ticketId}`))
      await page.getByText('May approve: rita').first().waitFor()
      await settle(page)
      await look(page, 'ticket-first-step')
      await page.getByRole('button', { name: 'Approve', exact: true }).click()
      await dialog(page).getByText('Others have to approve before it is a release').waitFor()
      await dialog(page).getByRole('button', { name: 'Approve', exact: true }).click()
      // The owner is rita too, and one person counts once: the page says so, and who could mend it.
      await page.getByText(/one person counts once/).waitFor()
      await settle(page)
      await look(page, 'ticket-stuck')
      await page.getByRole('button', { name: 'Reject', exact: true }).click()
      await dialog(page).getByRole('textbox', { name: 'Reason' }).fill('Call it right.')
      await dialog(page).getByRole('button', { name: 'Reject', exact: true }).click()
      await page.getByText('Rejected', { exact: true }).first().waitFor()

      const { page: sams } = await another('sam')
      await sams.goto(`${base}/inbox`)
      await sams.getByText('rita rejected 2.0-flow for live: Call it right.').waitFor()
      await sams.goto(`${base}/releases/tickets/${ticketId}`)
      await sams.getByRole('button', { name: 'Correct and send again' }).click()
      await dialog(sams).getByRole('textbox', { name: 'SQL' }).fill('create table right_one (id int);')
      await dialog(sams).getByRole('textbox', { name: 'What was corrected (optional)' }).fill('The name.')
      await settle(sams)
      await look(sams, 'ticket-resubmit')
      await dialog(sams).getByRole('button', { name: 'Correct and send again' }).click()
      await sams.getByText('It corrects a ticket that was rejected').waitFor()
      await sams.getByText('create table right_one').first().waitFor()
      await sams.getByText('The name.').waitFor()
      assert.notEqual(sams.url().split('/').pop(), ticketId)
      await sams.goto(`${base}/releases/tickets/${ticketId}`)
      await sams.getByRole('link', { name: /It was corrected and sent again/ }).waitFor()
    },
  },
}
