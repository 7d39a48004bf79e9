import { computed, ref, watchEffect } from 'vue'

export type ThemeChoice = 'system' | 'light' | 'dark'

const KEY = 'muster.theme'
const dark = window.matchMedia('(prefers-color-scheme: dark)')
const systemDark = ref(dark.matches)
dark.addEventListener('change', (event) => (systemDark.value = event.matches))

function stored(): ThemeChoice {
  const value = localStorage.getItem(KEY)
  return value === 'light' || value === 'dark' ? value : 'system'
}

const choice = ref<ThemeChoice>(stored())
const mode = computed<'light' | 'dark'>(() =>
  choice.value === 'system' ? (systemDark.value ? 'dark' : 'light') : choice.value,
)

watchEffect(() => {
  document.documentElement.dataset.theme = mode.value
})

function choose(next: ThemeChoice): void {
  choice.value = next
  if (next === 'system') localStorage.removeItem(KEY)
  else localStorage.setItem(KEY, next)
}

/** The person's choice of theme and what it means right now. */
export function useTheme() {
  return { choice, mode, choose }
}
