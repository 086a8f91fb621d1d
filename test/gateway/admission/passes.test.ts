import assert from 'node:assert/strict'
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { SignJWT } from 'jose'
import type { Credentials } from '../../../gateway/admission/admission.ts'
import { type AuthMode, Authenticator } from '../../../gateway/admission/authenticator.ts'
import { DeviceStore } from '../../../gateway/admission/device-store.ts'
import { JsonWebTokens, type JwtOptions } from '../../../gateway/admission/json-web-tokens.ts'
import { systemClock } from '../../../shared/clock.ts'
import { createLog } from '../../../shared/log.ts'
import { systemRandom } from '../../../shared/random.ts'
import { cleanUp } from '../../support/cleanup.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { tempDir } from '../../support/temp-dir.ts'

interface SetupOptions {
  readonly mode?: AuthMode
  readonly jwt?: Partial<JwtOptions>
  readonly maxGuests?: number
}

const unauthorized = { code: 'unauthorized' }

async function setup(t: TestContext, options: SetupOptions = {}) {
  const directory = await tempDir(t)
  const store = new DeviceStore(directory, { clock: systemClock, random: systemRandom })
  const clock = new ManualClock()
  const keys = join(directory, 'keys.json')
  const signers = { a: newKeys(), b: newKeys() }
  const trust = (...ids: (keyof typeof signers)[]) =>
    writeFile(keys, JSON.stringify({ keys: ids.map((id) => publicJwk(signers[id], id)) }))
  await trust('a')
  const log = createLog('test', 'silent')
  const lines: Record<string, unknown>[] = []
  log.warn = (fields: unknown) => lines.push(fields as Record<string, unknown>)
  const tokens = new JsonWebTokens(
    {
      keys: { file: keys },
      audience: 'headwater',
      issuer: 'the fleet',
      deviceClaim: 'sub',
      algorithms: ['ES256'],
      leewayMs: 10_000,
      ...options.jwt
    },
    { clock, log }
  )
  const { mode = 'devices', maxGuests = 100 } = options
  const authenticator = new Authenticator({ mode, store, tokens, maxGuests, clock, log })
  cleanUp(t, () => authenticator.stop())
  await authenticator.start()
  const inSeconds = (seconds: number) => Math.floor(clock.wallMs() / 1000) + seconds
  const sign = (
    claims: Record<string, unknown>,
    key: KeyObject = signers.a.privateKey,
    kid = 'a'
  ) =>
    new SignJWT({
      ...{ sub: 'pi-1', aud: 'headwater', iss: 'the fleet', exp: inSeconds(60) },
      ...claims
    })
      .setProtectedHeader({ alg: 'ES256', kid })
      .sign(key)
  const enter = (credentials: Omit<Credentials, 'loopback'>) =>
    authenticator.authenticate({ loopback: false, ...credentials })
  /** Lets a second of the clock pass in steps, each when what it began is done. */
  const second = async () => {
    for (let i = 0; i < 10; i++) {
      await clock.advance(100)
      await clock.asleep(1)
    }
  }
  const certificate = (name: string | undefined, seconds = 3600) => ({
    name,
    expiresMs: clock.wallMs() + seconds * 1000
  })
  return {
    store,
    clock,
    signers,
    trust,
    lines,
    authenticator,
    inSeconds,
    sign,
    enter,
    second,
    certificate
  }
}

function newKeys() {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' })
}

function publicJwk({ publicKey }: { readonly publicKey: KeyObject }, kid: string) {
  return { ...publicKey.export({ format: 'jwk' }), kid, alg: 'ES256' }
}

test('a certificate is the device of its common name, with what rights the store gives it', async (t) => {
  const { enter, certificate, store, second } = await setup(t)
  const stranger = await enter({ certificate: certificate('truck-7') })
  assert.deepEqual(
    [stranger.device, stranger.streams, stranger.admin],
    ['truck-7', undefined, false]
  )
  await store.register('truck-8', { streams: ['gps'], admin: true })
  await second()
  const known = await enter({ certificate: certificate('truck-8'), device: 'truck-8' })
  assert.deepEqual([known.device, known.streams, known.admin], ['truck-8', ['gps'], true])
})

test('a certificate without one valid name, of another user name, or beside the token of another device is refused', async (t) => {
  const { enter, certificate, store, second } = await setup(t)
  const token = await store.add('pi-1')
  await second()
  for (const name of [undefined, '', 'a/b', 'a b', 'anonymous', 'x'.repeat(129)]) {
    await assert.rejects(enter({ certificate: certificate(name) }), unauthorized, String(name))
  }
  await enter({ certificate: certificate('undefined') })
  await assert.rejects(enter({ certificate: certificate(undefined) }), unauthorized)
  const truck = certificate('truck-7')
  await assert.rejects(enter({ certificate: truck, device: 'pi-1' }), unauthorized)
  await assert.rejects(enter({ certificate: truck, token }), unauthorized)
  await assert.rejects(
    enter({ certificate: certificate('pi-1'), token: `${token}x` }),
    unauthorized
  )
  assert.equal((await enter({ certificate: certificate('pi-1'), token })).device, 'pi-1')
})

test('a certificate tells who it is on loopback too, where anybody else may do everything', async (t) => {
  const { authenticator, certificate } = await setup(t, { mode: 'off' })
  const loopback = true
  const named = await authenticator.authenticate({ loopback, certificate: certificate('pi-1') })
  assert.deepEqual([named.device, named.admin], ['pi-1', false])
  assert.equal((await authenticator.authenticate({ loopback })).device, undefined)
})

test('a device that only its certificate names is cut off within a second of being revoked, and let in again', async (t) => {
  const { enter, certificate, store, second } = await setup(t)
  const before = await enter({ certificate: certificate('truck-7') })
  const other = await enter({ certificate: certificate('truck-8') })
  await store.revoke('truck-7', { mayBeUnknown: true })
  await second()
  assert.deepEqual([before.revoked.aborted, other.revoked.aborted], [true, false])
  await assert.rejects(enter({ certificate: certificate('truck-7') }), unauthorized)
  await store.register('truck-7')
  await second()
  assert.equal((await enter({ certificate: certificate('truck-7') })).device, 'truck-7')
})

test('access ends when the certificate or the token does, leeway included', async (t) => {
  const { enter, certificate, sign, clock, second } = await setup(t)
  const byCertificate = certificate('truck-7', 30)
  const token = await sign({})
  const principals = [await enter({ certificate: byCertificate }), await enter({ token })]
  await clock.advance(29_500)
  await second()
  assert.deepEqual(
    principals.map((one) => one.revoked.aborted),
    [true, false]
  )
  await assert.rejects(enter({ certificate: byCertificate }), unauthorized)
  await clock.advance(39_000)
  assert.equal(await enter({ token }), principals[1])
  await second()
  await second()
  assert.equal(principals[1]?.revoked.aborted, true)
  await assert.rejects(enter({ token }), unauthorized)
})

test('a token is the device of its claim, over MQTT with that user name only', async (t) => {
  const { enter, sign } = await setup(t)
  const token = await sign({})
  assert.equal((await enter({ token })).device, 'pi-1')
  assert.equal((await enter({ token, device: 'pi-1' })).device, 'pi-1')
  await assert.rejects(enter({ token, device: 'pi-2' }), unauthorized)
})

test('a token with a wrong signature, key, audience, issuer, time, device or algorithm is refused, and why stands in the log alone', async (t) => {
  const { enter, sign, signers, inSeconds, lines } = await setup(t)
  const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.e30.`
  const hmac = await new SignJWT({
    sub: 'pi-1',
    aud: 'headwater',
    iss: 'the fleet',
    exp: inSeconds(60)
  })
    .setProtectedHeader({ alg: 'HS256', kid: 'a' })
    .sign(signers.a.publicKey.export({ format: 'der', type: 'spki' }))
  const bad: readonly (readonly [string, RegExp])[] = [
    [await sign({}, signers.b.privateKey), /signature/],
    [await sign({}, signers.b.privateKey, 'b'), /no applicable key/],
    [await sign({ aud: 'another' }), /aud/],
    [await sign({ iss: 'another' }), /iss/],
    [await sign({ exp: inSeconds(-11) }), /exp/],
    [await sign({ exp: undefined }), /exp/],
    [await sign({ nbf: inSeconds(11) }), /nbf/],
    [await sign({ sub: undefined }), /sub/],
    [await sign({ sub: 'a/b' }), /name a device/],
    [none, /alg|JWS/i],
    [hmac, /alg/]
  ]
  for (const [token, why] of bad) {
    await assert.rejects(enter({ token, address: '10.0.0.9' }), (error: Error) => {
      assert.equal(error.message, 'the token or certificate is wrong, expired or revoked')
      return true
    })
    const line = lines.splice(0).at(-1)
    if (!line) continue // The log is bounded.
    assert.match(String(line['reason']), why)
    assert.equal(line['peer'], '10.0.0.9')
    assert.ok(!JSON.stringify(line).includes(token))
  }
  for (const token of [await sign({ exp: inSeconds(-9) }), await sign({ nbf: inSeconds(9) })]) {
    assert.equal((await enter({ token })).device, 'pi-1')
  }
})

test('a token is taken in one writing only, so that one device cannot fill the memory of all', async (t) => {
  const { enter, sign } = await setup(t, { maxGuests: 2 })
  const token = await sign({})
  const other = await enter({ token: await sign({ sub: 'pi-2' }) })
  const lastBits = String.fromCharCode(token.charCodeAt(token.length - 1) + 1)
  const writings = [`${token}==`, `${token}\n`, ` ${token}`, `${token.slice(0, -1)}${lastBits}`]
  for (const writing of [...writings, `${token.slice(0, -9)} ${token.slice(-9)}`]) {
    await assert.rejects(enter({ token: writing }), unauthorized, JSON.stringify(writing))
  }
  assert.equal((await enter({ token })).device, 'pi-1')
  assert.equal(other.revoked.aborted, false)
})

test('a claim narrows the streams of the store; a token without it is refused', async (t) => {
  const { enter, sign, store, second } = await setup(t, { jwt: { streamsClaim: 'scope' } })
  assert.deepEqual((await enter({ token: await sign({ scope: 'gps logs' }) })).streams, [
    'gps',
    'logs'
  ])
  await store.register('pi-1', { streams: ['logs', 'can'] })
  await second()
  assert.deepEqual((await enter({ token: await sign({ scope: ['gps', 'logs'] }) })).streams, [
    'logs'
  ])
  for (const scope of [undefined, '', 7, ['a', 7], 'a  b', []]) {
    await assert.rejects(enter({ token: await sign({ scope }) }), unauthorized, String(scope))
  }
})

test('a claim names the groups, and the store may narrow them; without either there are none', async (t) => {
  const { enter, sign, store, second, certificate } = await setup(t, {
    jwt: { groupsClaim: 'fleet' }
  })
  const groupsOf = async (fleet: unknown, sub = 'pi-1') =>
    (await enter({ token: await sign({ fleet, sub }) })).groups
  assert.deepEqual(await groupsOf('vans boats'), ['vans', 'boats'])
  assert.deepEqual(await groupsOf(['vans', '/Staff of HQ', 7]), ['vans'])
  assert.equal(await groupsOf(undefined), undefined)
  assert.equal((await enter({ certificate: certificate('pi-2') })).groups, undefined)
  await store.register('pi-1', { groups: ['boats', 'cars'] })
  await store.register('pi-2', { groups: ['boats'] })
  await second()
  assert.deepEqual(await groupsOf(['vans', 'boats']), ['boats'])
  assert.deepEqual(await groupsOf([]), [])
  assert.deepEqual(await groupsOf(undefined), ['boats', 'cars'])
  assert.deepEqual((await enter({ certificate: certificate('pi-2') })).groups, ['boats'])
})

test('new keys are taken when their file changes; who was let in by a key that is gone is cut off', async (t) => {
  const { enter, sign, signers, trust, second } = await setup(t)
  const [byA, byB] = [await sign({}), await sign({ sub: 'pi-2' }, signers.b.privateKey, 'b')]
  const first = await enter({ token: byA })
  await assert.rejects(enter({ token: byB }), unauthorized)
  await trust('a', 'b')
  await second()
  const later = await enter({ token: byB })
  assert.deepEqual([later.device, first.revoked.aborted], ['pi-2', false])
  await trust('b')
  await second()
  assert.deepEqual([first.revoked.aborted, later.revoked.aborted], [true, false])
  await assert.rejects(enter({ token: byA }), unauthorized)
})

test('a broken file of keys leaves the earlier keys in force', async (t) => {
  const { enter, sign, trust, second, store } = await setup(t)
  await trust()
  await writeFile(join(store.path, '../keys.json'), '{"keys":')
  await second()
  assert.equal((await enter({ token: await sign({}) })).device, 'pi-1')
})

async function keyServer(t: TestContext, answer: RequestListener) {
  let asked = 0
  const server = createServer((request, response) => {
    asked += 1
    answer(request, response)
  }).listen(0, '127.0.0.1')
  cleanUp(t, () => {
    server.closeAllConnections()
    server.close()
  })
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return { keys: { url: `http://127.0.0.1:${port}/` }, asked: () => asked }
}

test('keys are had from a URL, once for many tokens', async (t) => {
  const trusted = newKeys()
  const { keys, asked } = await keyServer(t, (_request, response) =>
    response.end(JSON.stringify({ keys: [publicJwk(trusted, 'a')] }))
  )
  const { enter, sign } = await setup(t, { jwt: { keys } })
  for (const sub of ['pi-1', 'pi-2']) {
    assert.equal((await enter({ token: await sign({ sub }, trusted.privateKey) })).device, sub)
  }
  assert.equal(asked(), 1)
})

test('of keys behind a URL at most a megabyte is read', async (t) => {
  let sent = 0
  const { keys } = await keyServer(t, (_request, response) => {
    const more = () => {
      while (sent < 64 * 1024 * 1024 && !response.destroyed) {
        sent += 65_536
        if (!response.write(Buffer.alloc(65_536, ' '))) return
      }
      response.end('{"keys":[]}')
    }
    response.on('drain', more)
    more()
  })
  const { enter, sign } = await setup(t, { jwt: { keys } })
  await assert.rejects(enter({ token: await sign({}) }), { code: 'unavailable' })
  assert.ok(sent < 16 * 1024 * 1024, `${sent} bytes`)
})

test('keys behind a URL that fails are asked for once in five seconds, whatever comes', async (t) => {
  const { keys, asked } = await keyServer(t, (_request, response) => response.writeHead(500).end())
  const { enter, sign, clock } = await setup(t, { jwt: { keys } })
  for (let i = 0; i < 5; i++) {
    await assert.rejects(enter({ token: await sign({ i }) }), { code: 'unavailable' })
  }
  assert.equal(asked(), 1)
  await clock.advance(5000)
  await assert.rejects(enter({ token: await sign({}) }), { code: 'unavailable' })
  assert.equal(asked(), 2)
})

test('keys of a URL that cannot be had are no fault of the device', async (t) => {
  const { enter, sign } = await setup(t, { jwt: { keys: { url: 'http://127.0.0.1:1/keys' } } })
  await assert.rejects(enter({ token: await sign({}) }), { code: 'unavailable' })
})

test('a secret that both sides have signs tokens; a short one is refused at the start', async (t) => {
  const secret = 'a secret of thirty-two bytes, just so'
  const jwt = { keys: { secret: { read: async () => secret } }, algorithms: ['HS256'] }
  const { enter, inSeconds } = await setup(t, { jwt })
  const claims = { sub: 'pi-1', aud: 'headwater', iss: 'the fleet', exp: inSeconds(60) }
  const token = await new SignJWT(claims)
    .setProtectedHeader({ alg: 'HS256' })
    .sign(Buffer.from(secret))
  assert.equal((await enter({ token })).device, 'pi-1')
  const short = { ...jwt, keys: { secret: { read: async () => 'short' } } }
  await assert.rejects(setup(t, { jwt: short }), { code: 'config', message: /32 bytes/ })
})

test('at most maxGuests are remembered; the one that came longest ago must come again', async (t) => {
  const { enter, certificate } = await setup(t, { maxGuests: 2 })
  const one = await enter({ certificate: certificate('one') })
  const two = await enter({ certificate: certificate('two') })
  await enter({ certificate: certificate('one') })
  await enter({ certificate: certificate('three') })
  assert.deepEqual([one.revoked.aborted, two.revoked.aborted], [false, true])
  assert.equal((await enter({ certificate: certificate('two') })).device, 'two')
})
