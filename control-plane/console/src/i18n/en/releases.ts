/** Signatures of releases, published versions of tables, and indexes that a build left behind. */
export const releases = {
  signature: {
    title: 'Signature',
    key: 'Key {id}',
    state: { holds: 'As approved', missing: 'Not signed', broken: 'Changed since', stranger: 'Unknown key' },
    text: {
      missing: 'This release has no signature: it was made before releases were signed, or somebody took it off in the database. It is not executed. Propose it or publish it again.',
      broken: 'This is not what was approved: somebody changed the release in the database since. It is not executed. Find out who can write to the database, and publish again.',
      stranger: 'The release is signed by a key that never was this installation’s. It is not executed. Find out who can write to the database, and publish again.',
    },
  },
  published: {
    title: 'Published',
    caption: 'Where this is live',
    asDrafted: 'As drafted',
    behind: '{n} change not published | {n} changes not published',
    changes: 'What the draft would change on {server}',
    compare: 'Compare',
    compareOn: 'Compare what is live on {server} with the draft',
    difference: 'Against the draft',
    draft: 'Draft: revision {n}',
    empty: 'Published nowhere yet',
    emptyText: 'Once a release of it has been executed on a server, the revision that is live there stands here.',
    noRevision: 'None of its revisions',
    noRevisionHint: 'What is live was taken over as it was found, or is from before the revisions that are kept.',
    release: 'Release',
    revision: 'Live revision',
    since: 'Since',
    takenOver: 'Taken over',
    where: 'Server',
  },
  invalidIndex: { text: 'An index that a build which broke off has left behind: it takes space and serves no query. This mends it, once the reason is gone (doubles in a unique index, for instance):' },
}
