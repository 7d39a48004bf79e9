import type { MoreMessages } from '../en/more'
import { account } from './account'
import { designs } from './designs'
import { files } from './files'
import { projects } from './projects'
import { rowsHeld } from './rowsHeld'
import { setAside } from './setAside'
import { storage } from './storage'
import { versions } from './versions'
import { waves } from './waves'

const more: MoreMessages = { ...account, ...designs, ...files, ...projects, ...rowsHeld, ...setAside, ...storage, ...versions, ...waves }
export default more
