import { stringify } from 'yaml'
import type { FieldOptions, FormDescription } from '@/forms/description'
import { wholeDoc } from './doc'

export interface DatabaseForm {
  name: string
  comment: string
  type: string
}

export const NEW_DATABASE: DatabaseForm = { name: '', comment: '', type: 'Postgres' }

export const DATABASE: FormDescription = [
  { name: 'name', input: 'text', label: 'designs.databaseName', hint: 'designs.databaseNameHint', rules: [['required'], ['matches', /^[\p{L}\p{N}._-]{1,128}$/u]], wrong: 'designs.databaseNameWrong' },
  { name: 'comment', input: 'text', label: 'designs.comment', hint: 'designs.databaseCommentHint', rules: [['required']] },
  { name: 'type', input: 'select', label: 'designs.dialect', rules: [['required']] },
]

export const DATABASE_OPTIONS: FieldOptions = {
  type: [
    { value: 'Postgres', label: 'PostgreSQL' },
    { value: 'MySQL', label: 'MySQL / MariaDB' },
  ],
}

/** The document of a database that is new. */
export function databaseText({ name, comment, type }: DatabaseForm): string {
  const doc = { kind: 'DatabaseSnapshot', name: name.trim(), label: '', spec: { basic: { name: name.trim(), comment: comment.trim(), type } } }
  return stringify(wholeDoc(doc, { revision: 0 }))
}
