import { account } from './account'
import { alerts } from './alerts'
import { applications } from './applications'
import { delivery } from './delivery'
import { designs } from './designs'
import { files } from './files'
import { fleet } from './fleet'
import { frame } from './frame'
import { people } from './people'
import { places } from './places'
import { problems } from './problems'
import { schema } from './schema'
import { secrets } from './secrets'
import { versions } from './versions'
import { wall } from './wall'

const en = { ...frame, ...fleet, ...files, ...alerts, ...delivery, ...applications, ...versions, ...secrets, ...schema, ...designs, ...people, ...account, ...places, ...problems, ...wall }
export default en

type Text<T> = { [K in keyof T]: T[K] extends string ? string : Text<T[K]> }
/** The shape that every language must have. */
export type Messages = Text<typeof en>
