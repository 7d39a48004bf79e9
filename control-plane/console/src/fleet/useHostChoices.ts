import { computed } from 'vue'
import { useI18n } from 'vue-i18n'
import { useObjects } from '@/people/useObjects'
import { BUSINESS } from './hostForms'

/** What a host can belong to and be, to choose from; with what it has now also if one doesn't see that. */
export function useHostChoices() {
  const { t } = useI18n()
  const clusters = useObjects(() => 'clusters')
  const environments = useObjects(() => 'environments')
  const withPresent = (choices: readonly { value: string; label: string }[], present: string) =>
    present && !choices.some((one) => one.value === present) ? [...choices, { value: present, label: present }] : [...choices]
  return {
    clusters: (present = '') => withPresent(clusters.choices.value, present),
    environments: (present = '') => withPresent(environments.choices.value, present),
    business: computed(() => BUSINESS.map((value) => ({ value, label: t(`business.${value}`) }))),
    clusterName: clusters.nameOf,
  }
}
