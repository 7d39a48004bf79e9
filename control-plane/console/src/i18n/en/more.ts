import { account } from './account'
import { designs } from './designs'
import { files } from './files'
import { projects } from './projects'
import { rowsHeld } from './rowsHeld'
import { setAside } from './setAside'
import { storage } from './storage'
import { versions } from './versions'
import { waves } from './waves'
import type { Text } from '.'

/** What is said on other pages than the first. */
const more = { ...account, ...designs, ...files, ...projects, ...rowsHeld, ...setAside, ...storage, ...versions, ...waves }
export default more

/** The shape that every language must have. */
export type MoreMessages = Text<typeof more>
