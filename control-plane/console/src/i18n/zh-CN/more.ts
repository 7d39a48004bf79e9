import type { MoreMessages } from '../en/more'
import { account } from './account'
import { clouds } from './clouds'
import { designs } from './designs'
import { files } from './files'
import { guards } from './guards'
import { payloads } from './payloads'
import { projects } from './projects'
import { proofs } from './proofs'
import { rowsHeld } from './rowsHeld'
import { setAside } from './setAside'
import { silences } from './silences'
import { storage } from './storage'
import { targets } from './targets'
import { versions } from './versions'
import { waves } from './waves'

const more: MoreMessages = { ...account, ...clouds, ...designs, ...files, ...guards, ...payloads, ...projects, ...proofs, ...rowsHeld, ...setAside, ...silences, ...storage, ...targets, ...versions, ...waves }
export default more
