/**
 * What is outside of the house: a mail server, a gateway for text messages, an identity provider (OpenID Connect) that
 * checks what a provider checks, and a provider of secrets (Infisical). They keep what they were sent, for stories to read.
 */
import { createHash, createHmac, generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { createServer as createHttpServer } from 'node:http'
import { createServer } from 'node:net'

const CLIENT = { id: 'muster', secret: 'muster-at-the-provider' }
const PATIENCE_MS = 20_000

/** Waits until `find` finds something; fails with what was there instead. */
export async function until(what, find, patience = PATIENCE_MS) {
  const end = Date.now() + patience
  for (;;) {
    const found = await find()
    if (found) return found
    if (Date.now() > end) throw new Error(`${what} did not come`)
    await new Promise((again) => setTimeout(again, 50))
  }
}

function decoded(source) {
  const [head, ...rest] = source.split('\r\n\r\n')
  const body = rest.join('\r\n\r\n')
  const encoding = /^content-transfer-encoding:\s*(\S+)/im.exec(head)?.[1]?.toLowerCase()
  if (encoding === 'base64') return Buffer.from(body, 'base64').toString('utf8')
  if (encoding !== 'quoted-printable') return body
  const bytes = body.replace(/=\r\n/g, '').replace(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)))
  return Buffer.from(bytes, 'latin1').toString('utf8')
}

function mailServer(letters) {
  return createServer((socket) => {
    let rest = ''
    let to = []
    let data
    socket.setEncoding('latin1')
    socket.on('error', () => undefined)
    socket.write('220 here\r\n')
    socket.on('data', (piece) => {
      rest += piece
      for (let end = rest.indexOf('\r\n'); end >= 0; end = rest.indexOf('\r\n')) {
        const line = rest.slice(0, end)
        rest = rest.slice(end + 2)
        if (data !== undefined) {
          if (line === '.') {
            const source = Buffer.from(data, 'latin1').toString('utf8')
            letters.push({ to, text: decoded(source), at: Date.now() })
            data = undefined
            to = []
            socket.write('250 kept\r\n')
          } else {
            data += `${line.replace(/^\./, '')}\r\n`
          }
          continue
        }
        const word = line.slice(0, 4).toUpperCase()
        if (word === 'DATA') {
          data = ''
          socket.write('354 go on\r\n')
        } else if (word === 'QUIT') {
          socket.end('221 bye\r\n')
        } else {
          if (word === 'RCPT') to.push(/<([^>]*)>/.exec(line)?.[1] ?? '')
          socket.write('250 fine\r\n')
        }
      }
    })
  })
}

const base64url = (value) => Buffer.from(value).toString('base64url')

/** Who signs in there is in `people`: the next one that a browser is sent for. */
function provider(issuer, state) {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const key = { ...publicKey.export({ format: 'jwk' }), kid: 'k1', alg: 'ES256', use: 'sig' }
  const codes = new Map()
  const token = (claims) => {
    const text = `${base64url(JSON.stringify({ alg: 'ES256', kid: 'k1', typ: 'JWT' }))}.${base64url(JSON.stringify(claims))}`
    return `${text}.${sign('sha256', Buffer.from(text), { key: privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
  }
  const handlers = {
    '/.well-known/openid-configuration': () => ({
      issuer,
      authorization_endpoint: `${issuer}/authorize`,
      token_endpoint: `${issuer}/token`,
      jwks_uri: `${issuer}/keys`,
      response_types_supported: ['code'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['ES256'],
    }),
    '/keys': () => ({ keys: [key] }),
    '/token': (form, authorization) => {
      const given = codes.get(form.get('code'))
      codes.delete(form.get('code'))
      const [id, secret] = authorization ? Buffer.from(authorization.replace('Basic ', ''), 'base64').toString().split(':').map(decodeURIComponent) : [form.get('client_id'), form.get('client_secret')]
      const challenge = createHash('sha256').update(form.get('code_verifier') ?? '').digest('base64url')
      if (!given || id !== CLIENT.id || secret !== CLIENT.secret || challenge !== given.get('code_challenge')) return undefined
      const now = Math.floor(Date.now() / 1000)
      const claims = { iss: issuer, sub: given.get('subject'), aud: CLIENT.id, iat: now, exp: now + 300, nonce: given.get('nonce') ?? undefined, preferred_username: given.get('subject'), name: given.get('subject') }
      return { access_token: randomBytes(16).toString('hex'), token_type: 'Bearer', expires_in: 300, id_token: token(claims) }
    },
  }
  return (url, form, authorization) => {
    if (url.pathname !== '/authorize') return handlers[url.pathname]?.(form, authorization)
    const back = new URL(url.searchParams.get('redirect_uri'))
    back.searchParams.set('state', url.searchParams.get('state'))
    if (state.person === undefined) {
      back.searchParams.set('error', 'access_denied')
    } else {
      const code = randomBytes(16).toString('hex')
      const given = new URLSearchParams(url.searchParams)
      given.set('subject', state.person)
      codes.set(code, given)
      back.searchParams.set('code', code)
    }
    return back
  }
}

/** Infisical, as far as a sync asks: universal auth, and the secrets at a path. Stories change what it has. */
function infisical(secrets) {
  const client = { clientId: 'muster', clientSecret: 'muster-at-infisical' }
  const token = randomBytes(16).toString('hex')
  return (url, body, authorization) => {
    if (url.pathname === '/infisical/api/v1/auth/universal-auth/login') {
      const given = JSON.parse(body)
      if (given.clientId !== client.clientId || given.clientSecret !== client.clientSecret) return [401, { statusCode: 401, message: 'Invalid credentials', error: 'Unauthorized' }]
      return [200, { accessToken: token, expiresIn: 7200, accessTokenMaxTTL: 43_200, tokenType: 'Bearer' }]
    }
    if (url.pathname !== '/infisical/api/v4/secrets') return undefined
    if (authorization !== `Bearer ${token}`) return [401, { statusCode: 401, message: 'Token missing or invalid', error: 'TokenError' }]
    const here = url.searchParams.get('secretPath') === '/' && url.searchParams.get('environment') === 'prod'
    return [200, { secrets: here ? [...secrets].map(([secretKey, secretValue]) => ({ id: `id-of-${secretKey}`, secretKey, secretValue, type: 'shared' })) : [], imports: [] }]
  }
}

/** Opens all of them; gateway, providers of people and of secrets are at one port. */
export async function outside({ mailPort, webPort }) {
  const letters = []
  const texts = []
  /** Who is signed in at the provider; nobody: it is not allowed there. */
  const state = { person: undefined }
  const issuer = `http://127.0.0.1:${webPort}`
  const answer = provider(issuer, state)
  const kept = new Map([
    ['STRIPE_KEY', 'sk_test_one'],
    ['STRIPE_WEBHOOK', 'whsec_one'],
  ])
  const secretsOf = infisical(kept)
  const mail = mailServer(letters)
  const web = createHttpServer(async (request, response) => {
    let body = ''
    for await (const piece of request) body += piece
    const url = new URL(request.url, issuer)
    if (url.pathname === '/sms') {
      const [to, text] = ['to', 'text'].map((name) => url.searchParams.get(name))
      texts.push({ to, text, at: Date.now() })
      return response.end('ok')
    }
    const found = secretsOf(url, body, request.headers.authorization)
    if (found) return response.writeHead(found[0], { 'content-type': 'application/json' }).end(JSON.stringify(found[1]))
    const answered = answer(url, new URLSearchParams(body), request.headers.authorization)
    if (answered instanceof URL) return response.writeHead(302, { location: answered.href }).end()
    response.writeHead(answered ? 200 : 400, { 'content-type': 'application/json' })
    return response.end(JSON.stringify(answered ?? { error: 'invalid_grant' }))
  })
  const listening = (server, port) =>
    new Promise((done, failed) => {
      server.once('error', failed)
      server.listen(port, '127.0.0.1', done)
    })
  await Promise.all([listening(mail, mailPort), listening(web, webPort)])
  return {
    state,
    /** Where the provider of secrets is, and what it has: name to value. */
    infisical: `${issuer}/infisical`,
    kept,
    /** The text of the newest letter to somebody since then that `pattern` fits: what it caught. */
    mailed: (to, pattern, since = 0) =>
      until(`a letter to ${to}`, () => letters.filter((one) => one.to.includes(to) && one.at >= since).map((one) => pattern.exec(one.text)?.[1]).filter(Boolean).at(-1)),
    texted: (to, pattern, since = 0) =>
      until(`a text message to ${to}`, () => texts.filter((one) => one.to === to && one.at >= since).map((one) => pattern.exec(one.text)?.[1]).filter(Boolean).at(-1)),
    close: () => {
      mail.close()
      web.close()
      web.closeAllConnections()
    },
  }
}

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/** What an authenticator app shows; with `ahead`, a step later: each step's code works once. */
export function totp(secret, ahead = 0) {
  const bits = [...secret.replace(/\s/g, '')].map((one) => BASE32.indexOf(one).toString(2).padStart(5, '0')).join('')
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => Number.parseInt(byte, 2)))
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + ahead))
  const digest = createHmac('sha1', key).update(counter).digest()
  const value = digest.readUInt32BE(digest.at(-1) & 0xf) & 0x7fffffff
  return String(value % 1_000_000).padStart(6, '0')
}
