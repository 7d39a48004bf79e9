/** A rollout while it goes on. */
export const rolling = {
  rolling: {
    failedBack: 'Failed, put back',
    goesBack: '{failed} of {total} hosts failed, which is more than may. The rollout stopped, and the changed hosts go back to what ran there before.',
  },
}
