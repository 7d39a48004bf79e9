import { account } from './account'
import { delivery } from './delivery'
import { fleet } from './fleet'
import { frame } from './frame'
import { people } from './people'
import { problems } from './problems'
import { schema } from './schema'

const en = { ...frame, ...fleet, ...delivery, ...schema, ...people, ...account, ...problems }
export default en

type Text<T> = { [K in keyof T]: T[K] extends string ? string : Text<T[K]> }
/** The shape that every language must have. */
export type Messages = Text<typeof en>
