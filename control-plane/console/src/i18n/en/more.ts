import { account } from './account'
import { clouds } from './clouds'
import { designs } from './designs'
import { files } from './files'
import { guards } from './guards'
import { payloads } from './payloads'
import { pictures } from './pictures'
import { projects } from './projects'
import { proofs } from './proofs'
import { releases } from './releases'
import { rolling } from './rolling'
import { rowsHeld } from './rowsHeld'
import { setAside } from './setAside'
import { silences } from './silences'
import { storage } from './storage'
import { targets } from './targets'
import { versions } from './versions'
import { waves } from './waves'
import type { Text } from '.'

/** What is said on other pages than the first. */
const more = { ...account, ...clouds, ...designs, ...files, ...guards, ...payloads, ...pictures, ...projects, ...proofs, ...releases, ...rolling, ...rowsHeld, ...setAside, ...silences, ...storage, ...targets, ...versions, ...waves }
export default more

/** The shape that every language must have. */
export type MoreMessages = Text<typeof more>
