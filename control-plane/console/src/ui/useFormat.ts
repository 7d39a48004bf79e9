import { useI18n } from 'vue-i18n'
import { exact, relative, relativeDays, type Instant } from '@/format/time'
import { bytes, count, duration, formatUnit, percent, uptime, type Unit } from '@/format/units'

/** Formatters in the reader's language. */
export function useFormat() {
  const { locale } = useI18n()
  return {
    bytes: (value: number) => bytes(value, locale.value),
    count: (value: number) => count(value, locale.value),
    percent: (value: number) => percent(value, locale.value),
    duration: (ms: number) => duration(ms, locale.value),
    unit: (value: number, unit: Unit) => formatUnit(value, unit, locale.value),
    relative: (instant: Instant, now: number) => relative(instant, now, locale.value),
    days: (instant: Instant, now: number) => relativeDays(instant, now, locale.value),
    exact: (instant: Instant) => exact(instant, locale.value),
    uptime,
  }
}
