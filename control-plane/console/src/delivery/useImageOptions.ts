import { computed } from 'vue'
import { useI18n } from 'vue-i18n'
import { wordLabel } from './imageForm'
import { useImageWords, type WordKind } from './useImages'
import { useRegistries } from './useRegistries'

/** What an image's form lets one choose from. */
export function useImageOptions() {
  const { t } = useI18n()
  const words = useImageWords()
  const registries = useRegistries()
  const choices = (kind: WordKind) => (words.data.value ?? []).filter((word) => word.kind === kind).map((word) => ({ value: word.code, label: wordLabel(t, word) }))
  const options = computed(() => ({
    type: choices('type'),
    source: choices('source'),
    registryId: [{ value: '', label: t('images.noRegistry') }, ...registries.items.value.map(({ id, name }) => ({ value: id, label: name }))],
    status: (['available', 'deprecated'] as const).map((value) => ({ value, label: t(`images.statuses.${value}`) })),
  }))
  return { words, options }
}
