import type { Messages } from '../en'
import { delivery } from './delivery'
import { fleet } from './fleet'
import { frame } from './frame'
import { people } from './people'
import { schema } from './schema'

const zh: Messages = { ...frame, ...fleet, ...delivery, ...schema, ...people }
export default zh
