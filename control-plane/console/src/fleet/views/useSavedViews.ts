import { computed, onScopeDispose, ref } from 'vue'
import { useSession } from '@/session/session'
import { readViews, withView, withoutView, type SavedView } from './savedViews'

/** The views of the present org in this browser; other tabs of it see a change at once. */
export function useSavedViews() {
  const session = useSession()
  const key = computed(() => `muster.views.${session.orgId.value}`)
  const turn = ref(0)
  const views = computed<SavedView[]>(() => (turn.value >= 0 ? readViews(localStorage.getItem(key.value)) : []))
  const elsewhere = (event: StorageEvent) => event.key === key.value && (turn.value += 1)
  window.addEventListener('storage', elsewhere)
  onScopeDispose(() => window.removeEventListener('storage', elsewhere))

  /** False where the browser keeps nothing: it is full, or was told so. */
  function keep(next: SavedView[]): boolean {
    try {
      localStorage.setItem(key.value, JSON.stringify(next))
    } catch {
      return false
    }
    turn.value += 1
    return true
  }
  return {
    views,
    save: (view: SavedView) => keep(withView(views.value, view)),
    remove: (view: SavedView) => keep(withoutView(views.value, view)),
  }
}
