import { useI18n } from 'vue-i18n'
import { useFormat } from '@/ui/useFormat'
import type { Tile } from './grouping'
import { MEASURE, MEASURES, type MeasureKey } from './measures'

/** Values of tiles in words. */
export function useTileText() {
  const { t } = useI18n()
  const format = useFormat()
  const value = (number: number | null, measure: MeasureKey) => (number === null ? '–' : format.unit(Math.round(number * 100) / 100, MEASURE[measure].unit))
  /** Shares of a whole without digits behind the point: on a wall they only distract. */
  const short = (number: number | null, measure: MeasureKey) => (number !== null && MEASURE[measure].unit === 'percent' ? format.percent(Math.round(number)) : value(number, measure))
  const facts = ({ readings }: Tile) =>
    MEASURES.map((key) => ({
      key,
      label: key === 'disk' && readings?.mount ? t('wall.diskAt', { mount: readings.mount }) : t(`wall.measure.${key}`),
      value: short(readings?.values[key] ?? null, key),
    }))
  return {
    value,
    short,
    facts,
    /** All of a tile in one sentence, for those who don't see it. */
    spoken: (tile: Tile, group: string) => {
      const parts = [tile.host.name, t(`hostStatus.${tile.host.status}`)]
      if (group) parts.push(group)
      if (tile.readings) parts.push(...facts(tile).map((one) => `${one.label} ${one.value}`))
      else parts.push(t('wall.silent'))
      return parts.join(', ')
    },
  }
}
