import { computed, shallowRef } from 'vue'
import { useUrlState } from '@/ui/useUrlState'

/**
 * What a list does with its rows: one form, for a new row (`?new=1`, which another page may lead to) or for one that is
 * there, and one question before a row is removed. `closed` is called when the form goes away.
 */
export function useRowForm<Row>(may: () => boolean, closed: () => void = () => undefined) {
  const ask = useUrlState('new')
  const edited = shallowRef<Row>()
  const doomed = shallowRef<Row>()
  const open = computed({
    get: () => may() && (ask.value === '1' || edited.value !== undefined),
    set: (show) => {
      if (show) return
      ask.value = ''
      edited.value = undefined
      closed()
    },
  })
  const removing = computed({ get: () => doomed.value !== undefined, set: (show) => !show && (doomed.value = undefined) })
  return { edited, doomed, open, removing, add: () => void (ask.value = '1') }
}
