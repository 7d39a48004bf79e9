/** What clouds say of hosts' machines themselves. */
export const clouds = {
  clouds: {
    source: 'Known from',
    sources: { byHand: 'Written by hand', imported: 'Imported', metadata: 'The cloud’s metadata service, through the host’s agent' },
    sourceShort: { byHand: 'by hand', imported: 'imported', metadata: 'from the cloud' },
    differs: 'The cloud itself says otherwise: {list}. What people wrote is shown.',
    claimed: '{n} hosts say that they are this instance: {hosts}. Remove the one that is gone; if there is none, one of them was copied or lies.',
    otherHost: 'This host says that it is the instance {name}, which is linked to {host}.',
    zone: 'Zone',
    type: 'Type',
    tags: 'Tags',
    instance: 'Cloud instance',
    edit: 'Change {name}',
    editText: 'What you write is shown instead of what was imported, or what the cloud says. Empty a field to show that again.',
    name: 'Name',
    endsHint: 'In your time. No metadata service says when an instance ends.',
  },
}
