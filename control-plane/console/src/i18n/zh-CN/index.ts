import type { Messages } from '../en'
import { account } from './account'
import { delivery } from './delivery'
import { fleet } from './fleet'
import { frame } from './frame'
import { people } from './people'
import { problems } from './problems'
import { schema } from './schema'

const zh: Messages = { ...frame, ...fleet, ...delivery, ...schema, ...people, ...account, ...problems }
export default zh
