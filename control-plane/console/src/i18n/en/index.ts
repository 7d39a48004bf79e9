import { alerts } from './alerts'
import { applications } from './applications'
import { delivery } from './delivery'
import { fleet } from './fleet'
import { frame } from './frame'
import { people } from './people'
import { places } from './places'
import { problems } from './problems'
import { schema } from './schema'
import { secrets } from './secrets'
import { wall } from './wall'

/** What the first page may say. */
const en = { ...frame, ...fleet, ...alerts, ...delivery, ...applications, ...secrets, ...schema, ...people, ...places, ...problems, ...wall }
export default en

export type Text<T> = { [K in keyof T]: T[K] extends string ? string : Text<T[K]> }
/** The shape that every language must have. */
export type Messages = Text<typeof en>
