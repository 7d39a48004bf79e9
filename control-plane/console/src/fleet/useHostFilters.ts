import { computed } from 'vue'
import { useUrlState } from '@/ui/useUrlState'
import { isLabelFilter } from './hostForms'
import type { HostFilter, HostStatus } from './useHosts'

export type HostFilters = ReturnType<typeof useHostFilters>

/** The filters of the list of hosts, in the address: a page about an environment or a cluster leads here with one set. */
export function useHostFilters() {
  const all = {
    search: useUrlState('search'),
    status: useUrlState('status'),
    cluster: useUrlState('cluster'),
    environment: useUrlState('environment'),
    business: useUrlState('business'),
    label: useUrlState('label'),
  }
  const filter = computed<HostFilter>(() => ({
    search: all.search.value,
    status: all.status.value as HostStatus | '',
    cluster: all.cluster.value,
    environment: all.environment.value,
    businessStatus: all.business.value,
    // Half a label would be refused.
    label: isLabelFilter(all.label.value) ? all.label.value : '',
  }))
  return {
    ...all,
    filter,
    isSet: computed(() => Object.values(all).some((one) => one.value !== '')),
    clear: () => {
      for (const one of Object.values(all)) one.value = ''
    },
  }
}
