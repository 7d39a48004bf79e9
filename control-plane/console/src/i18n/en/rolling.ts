/** A rollout while it goes on. */
export const rolling = {
  rolling: {
    failedBack: 'Failed, put back',
    goesBack: '{failed} of {total} hosts failed, which is more than may. The rollout stopped, and the changed hosts go back to what ran there before.',
    wentBack: '{failed} of {total} hosts failed, which is more than may, so the rollout stopped. Changed hosts that were put back: {back}. Hosts that were not asked any more: {left}.',
  },
}
