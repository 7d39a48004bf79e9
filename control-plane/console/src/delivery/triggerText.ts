/** What asked for a deployment, in words; another system that did it and told of it has a name of its own. */
export function triggerText(t: (key: string, blanks?: Record<string, string>) => string, trigger: string): string {
  return trigger.startsWith('tracker:') ? t('trigger.tracker', { name: trigger.slice('tracker:'.length) }) : t(`trigger.${trigger}`)
}
