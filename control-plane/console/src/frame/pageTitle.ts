import { ref } from 'vue'
import { i18n } from '@/i18n'

/** The name of the thing that the page shows, for the last crumb and the window's title. */
export const thingName = ref('')

/** A new page: its name until the thing's own is known. */
export function setPageTitle(key: string): void {
  thingName.value = ''
  document.title = key ? `${i18n.global.t(key)} · Muster` : 'Muster'
}

export function setThingName(name: string): void {
  thingName.value = name
  document.title = `${name} · Muster`
}
