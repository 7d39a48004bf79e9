/** What the server says of SQL and of designs, in the reader's language: it says it in English, with names in it. */
import { ref, watchEffect } from 'vue'
import { i18n } from '@/i18n'

type Say = (text: string) => string
type Sentence = readonly [string, string]

const BLANK = '{}'

/** Reads sentences by the words around their blanks; those with the most words first, since others may fit as well. */
export function reader(sentences: readonly Sentence[]): Say {
  const words = (one: Sentence) => one[0].replaceAll(BLANK, '').length
  const read = [...sentences]
    .sort((a, b) => words(b) - words(a))
    .map(([theirs, ours]) => ({
      fits: new RegExp(`^${theirs.split(BLANK).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('(.+?)')}$`, 's'),
      ours,
    }))
  const say = (text: string, depth: number): string => {
    for (const { fits, ours } of read) {
      const blanks = fits.exec(text)
      if (blanks) return ours.replace(/\{(\d)\}/g, (_, n: string) => blank(blanks[Number(n) + 1] ?? '', depth))
    }
    return text
  }
  // A sentence may stand in another one; a name is left as it is.
  const blank = (text: string, depth: number) => (depth > 0 && text.includes(' ') ? say(text, depth - 1) : (single.get(text) ?? text))
  const single = new Map(sentences.filter(([theirs]) => !theirs.includes(BLANK) && !theirs.includes(' ')))
  return (text) => say(text, 2)
}

const asIs: Say = (text) => text
const chinese = ref<Say>()

/** Says what the server said; as it is until our words are there, and where there are none. */
export function useSqlSentences(): Say {
  watchEffect(() => {
    if (i18n.global.locale.value !== 'zh-CN' || chinese.value) return
    void Promise.all([import('@/i18n/zh-CN/sql'), import('@/i18n/zh-CN/documents')])
      .then(([{ sentences }, { documentSentences }]) => (chinese.value = reader([...sentences, ...documentSentences])))
      .catch(() => undefined)
  })
  return (text) => (i18n.global.locale.value === 'zh-CN' ? (chinese.value ?? asIs)(text) : text)
}
