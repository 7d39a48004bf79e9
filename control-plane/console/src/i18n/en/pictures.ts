/** Pictures that are files or addresses. */
export const pictures = {
  pictures: {
    address: '{of}: address',
    addressHint: 'Or the address of a picture. Whoever looks at it fetches it from there, so its host sees their address.',
    wrong: 'Use an address that begins with https://.',
  },
}
