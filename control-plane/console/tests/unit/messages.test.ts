import { describe, expect, it } from 'vitest'
import { said } from '@/inbox/messageText'

describe('messages', () => {
  it('are known by the sentences that the server writes', () => {
    expect(said('nora wants to join Acme wants to join')).toEqual({ key: 'inbox.says.wantsToJoin', blanks: { name: 'nora', org: 'Acme wants to join' } })
    expect(said('you are a member of Acme now')?.blanks).toEqual({ org: 'Acme' })
    expect(said('Acme did not let you in: which team?\nSay it: please')?.blanks).toEqual({ org: 'Acme', reason: 'which team?\nSay it: please' })
    expect(said('nora accepted an invitation into Acme')?.key).toBe('inbox.says.accepted')
    expect(said('the profile of Acme was changed')?.key).toBe('inbox.says.orgChanged')
  })

  it('that are not known stay as they are', () => {
    expect(said('the disk of db-1 is full')).toBeUndefined()
  })
})
