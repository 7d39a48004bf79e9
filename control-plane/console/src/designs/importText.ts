import { stringify } from 'yaml'
import { readDoc, wholeDoc } from './doc'
import type { Imported } from './useDesigns'

/** One text of the documents, each bound to the revision that was looked at. */
export function appliedText(documents: Imported['documents']): string {
  return documents.map((one) => stringify(wholeDoc(readDoc(one.yaml), { revision: one.revision ?? 0 }))).join('---\n')
}
