/** What called for a deployment, and what other systems kept. */
export const payloads = {
  payloads: {
    title: 'What was sent',
    text: 'The body of the call that this deployment came of. Tokens and secrets are never kept.',
    cut: 'It was large: only its beginnings are kept.',
    legacy: 'Kept from another system',
  },
}
