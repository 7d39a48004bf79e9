import type { Messages } from '../en'
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

const zh: Messages = { ...frame, ...fleet, ...alerts, ...delivery, ...applications, ...secrets, ...schema, ...people, ...places, ...problems, ...wall }
export default zh
