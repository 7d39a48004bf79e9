/** Both languages are written by hand; only the one in use is loaded. */
import { createI18n } from 'vue-i18n'
import { setLanguage } from '@/api/http'
import type { Messages } from './en'
import type { MoreMessages } from './en/more'

export type Locale = 'en' | 'zh-CN'
export const LOCALES: Record<Locale, string> = { en: 'English', 'zh-CN': '简体中文' }

const KEY = 'muster.locale'

const load: Record<Locale, () => Promise<{ default: Messages }>> = {
  en: () => import('./en'),
  'zh-CN': () => import('./zh-CN'),
}

const loadMore: Record<Locale, () => Promise<{ default: MoreMessages }>> = {
  en: () => import('./en/more'),
  'zh-CN': () => import('./zh-CN/more'),
}

/** Names that are put together can't all be checked before: the browser tests fail on what is said here. */
function missing(locale: string, key: string): void {
  reportError(new Error(`no words for ${key} in ${locale}`))
}

export const i18n = createI18n<false>({ legacy: false, locale: 'en', fallbackLocale: 'en', missingWarn: false, fallbackWarn: false, missing })

/** The stored choice, else the browser's first language that we speak. */
export function preferredLocale(): Locale {
  const stored = localStorage.getItem(KEY)
  if (stored === 'en' || stored === 'zh-CN') return stored
  return navigator.languages.some((one) => one.toLowerCase().startsWith('zh')) &&
    !navigator.language.toLowerCase().startsWith('en')
    ? 'zh-CN'
    : 'en'
}

const loaded = new Set<Locale>()
const loadedMore = new Set<Locale>()
let wantsMore = false

async function addMore(locale: Locale): Promise<void> {
  if (loadedMore.has(locale)) return
  const messages = await loadMore[locale]()
  i18n.global.mergeLocaleMessage(locale, messages.default)
  loadedMore.add(locale)
}

/** The words of all pages but the first, which must not wait for them. */
export async function useMoreWords(): Promise<void> {
  wantsMore = true
  await addMore(i18n.global.locale.value as Locale)
}

export async function useLocale(locale: Locale, remember = true): Promise<void> {
  if (!loaded.has(locale)) {
    const messages = await load[locale]()
    i18n.global.setLocaleMessage(locale, messages.default)
    loaded.add(locale)
  }
  if (wantsMore) await addMore(locale)
  i18n.global.locale.value = locale
  document.documentElement.lang = locale
  setLanguage(locale)
  if (remember) localStorage.setItem(KEY, locale)
}
