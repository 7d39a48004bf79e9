/** SQL that somebody is about to propose: kept in this window until it was. */
export interface ProposalDraft {
  project: string
  version: string
  environment: string
  database: string
  servers: string[]
  sql: string
  maxRows: string
  backupDays: string
}

const BLANK: ProposalDraft = { project: '', version: '', environment: '', database: '', servers: [], sql: '', maxRows: '', backupDays: '' }

export function draftKey(org: string | undefined): string {
  return `muster.proposal.${org}`
}

export function keptDraft(key: string): ProposalDraft {
  try {
    return { ...BLANK, ...(JSON.parse(sessionStorage.getItem(key) ?? '{}') as Partial<ProposalDraft>) }
  } catch {
    return { ...BLANK }
  }
}

/** What the proposal's page begins with. */
export function keepDraft(org: string | undefined, draft: Partial<ProposalDraft>): void {
  sessionStorage.setItem(draftKey(org), JSON.stringify({ ...BLANK, ...draft }))
}
