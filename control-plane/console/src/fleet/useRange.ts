import { computed, onScopeDispose, ref, watch } from 'vue'
import { formatZoom, isRange, parseZoom, REFRESH_MS, windowOf, type RangeKey, type TimeWindow } from '@/charts/range'
import { useUrlState } from '@/ui/useUrlState'

/** The time that a page of charts looks at: a range that moves on by itself, or a part that was dragged out. */
export function useRange() {
  const text = useUrlState('range', '1h')
  const zoomText = useUrlState('zoom')
  const range = computed<RangeKey>(() => (isRange(text.value) ? text.value : '1h'))
  const zoom = computed(() => parseZoom(zoomText.value))
  const now = ref(Date.now())
  let timer: ReturnType<typeof setInterval> | undefined
  watch(
    [range, zoom],
    () => {
      clearInterval(timer)
      now.value = Date.now()
      if (!zoom.value) timer = setInterval(() => !document.hidden && (now.value = Date.now()), REFRESH_MS[range.value])
    },
    { immediate: true },
  )
  onScopeDispose(() => clearInterval(timer))
  return {
    range,
    zoomed: computed(() => zoom.value !== null),
    window: computed<TimeWindow>(() => zoom.value ?? windowOf(range.value, now.value)),
    choose: (next: RangeKey) => {
      zoomText.value = ''
      text.value = next
    },
    zoomTo: (window: TimeWindow) => (zoomText.value = formatZoom(window)),
    reset: () => (zoomText.value = ''),
  }
}
