import type { MoreMessages } from '../en/more'
import { account } from './account'
import { designs } from './designs'
import { files } from './files'
import { projects } from './projects'
import { storage } from './storage'
import { versions } from './versions'
import { waves } from './waves'

const more: MoreMessages = { ...account, ...designs, ...files, ...projects, ...storage, ...versions, ...waves }
export default more
