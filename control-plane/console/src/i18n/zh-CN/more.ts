import type { MoreMessages } from '../en/more'
import { account } from './account'
import { designs } from './designs'
import { files } from './files'
import { projects } from './projects'
import { versions } from './versions'
import { waves } from './waves'

const more: MoreMessages = { ...account, ...designs, ...files, ...projects, ...versions, ...waves }
export default more
