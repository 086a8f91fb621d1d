import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer, type RequestListener } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net'
import { type TestContext, test } from 'node:test'
import { generate, parser } from 'mqtt-packet'
import { loadAgentConfig } from '../../../agent/config.ts'
import { checkGateway } from '../../../agent/doctor/check-gateway.ts'
import { makeCertificate } from '../../support/certificate.ts'
import { cleanUp } from '../../support/cleanup.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { freePort } from '../../support/programs.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { fakeMachine } from './fake-machine.ts'

async function listen(t: TestContext, server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  cleanUp(t, () => server.close())
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

interface Wishes {
  readonly tls?: object
  readonly token?: string
  /** How far the clock of the device is ahead. */
  readonly aheadMs?: number
}

/** Level and text of each finding, one a line. */
async function check(t: TestContext, url: string, wishes: Wishes = {}): Promise<string[]> {
  const { tls = {}, token, aheadMs = 0 } = wishes
  const flags = [
    { path: ['to'], value: url, flag: '' },
    { path: ['device'], value: 'pi', flag: '' },
    { path: ['sources', 'a', 'metrics'], value: '1s', flag: '' },
    { path: ['tls'], value: tls, flag: '' },
    ...(token === undefined ? [] : [{ path: ['token'], value: token, flag: '' }])
  ]
  const config = await loadAgentConfig({ flags, env: {} })
  const machine = { ...(await fakeMachine(t)), clock: new ManualClock(Date.now() + aheadMs) }
  const question = { url: new URL(url), config, machine }
  const findings = await checkGateway(question, new AbortController().signal)
  return findings.map(({ level, what, todo }) => `${level} ${what}; ${todo ?? ''}`)
}

/** Answers as a gateway does that knows one token. */
const gateway: RequestListener = (request, response) => {
  const known = request.headers.authorization === 'Bearer good'
  const code = known ? 'invalid' : 'unauthorized'
  response.writeHead(known ? 400 : 401, { 'content-type': 'application/json' })
  response.end(JSON.stringify({ code, message: '' }))
}

test('a gateway that knows the token is well', async (t) => {
  const port = await listen(t, createServer(gateway))
  const lines = await check(t, `http://127.0.0.1:${port}`, { token: 'good' })
  assert.ok(lines.every((line) => line.startsWith('OK')))
  assert.match(lines.join('\n'), /the token is accepted/)
})

test('a token that is refused, and one that is missing', async (t) => {
  const port = await listen(t, createServer(gateway))
  const bad = await check(t, `http://127.0.0.1:${port}`, { token: 'bad' })
  assert.match(bad.join('\n'), /FAIL the gateway refuses the token; .*devices add pi/)
  const none = await check(t, `http://127.0.0.1:${port}`)
  assert.match(none.join('\n'), /FAIL the gateway wants a token/)
})

test('a captive portal is not taken for a gateway', async (t) => {
  const portal = createServer((_request, response) => response.end('<html>Welcome</html>'))
  const lines = await check(t, `http://127.0.0.1:${await listen(t, portal)}`)
  assert.match(lines.join('\n'), /FAIL something else answers \(HTTP 200\); a captive portal/)
})

test('a clock that differs from that of the gateway is told', async (t) => {
  const port = await listen(t, createServer(gateway))
  const wishes = { token: 'good', aheadMs: 3_600_000 }
  const lines = await check(t, `http://127.0.0.1:${port}`, wishes)
  assert.match(lines.join('\n'), /WARN our clock is 3(600|599|601) s ahead/)
})

test('a port that is closed, and a name that does not exist', async (t) => {
  const closed = await check(t, `http://127.0.0.1:${await freePort()}`)
  assert.match(closed.join('\n'), /^FAIL .* refuses connections/)
  const nowhere = await check(t, 'http://gateway.invalid')
  assert.match(nowhere.join('\n'), /^FAIL the name gateway.invalid cannot be resolved/)
})

test('a server that accepts and says nothing ends the check', async (t) => {
  const mute = createTcpServer((socket) => socket.destroy())
  const lines = await check(t, `http://127.0.0.1:${await listen(t, mute)}`)
  assert.match(lines.join('\n'), /FAIL no HTTP answer/)
})

test('a certificate is believed with its authority, and told what is wrong without', async (t) => {
  const files = makeCertificate(await tempDir(t))
  assert.ok(files, 'openssl is needed')
  const cert = await readFile(files.cert, 'utf8')
  const key = await readFile(files.key, 'utf8')
  const port = await listen(t, createSecureServer({ cert, key }, gateway))
  const here = `https://127.0.0.1:${port}`
  const believed = await check(t, here, { tls: { ca: cert }, token: 'good' })
  assert.match(
    believed.join('\n'),
    /WARN TLS with localhost, certificate good for 1 days; renew it/
  )
  assert.match(believed.join('\n'), /the token is accepted/)
  const unknown = (await check(t, here, { token: 'good' })).join('\n')
  assert.match(unknown, /FAIL certificate of localhost: DEPTH_ZERO_SELF_SIGNED_CERT; .*tls\.ca/)
  assert.doesNotMatch(unknown, /token/)
  const later = await check(t, here, { tls: { insecure: true }, token: 'good' })
  assert.match(later.join('\n'), /WARN certificates are not checked/)
  const plain = await listen(t, createServer(gateway))
  assert.match((await check(t, `https://127.0.0.1:${plain}`)).join('\n'), /FAIL no TLS/)
})

test('MQTT is asked under another name than that of the device', async (t) => {
  const names: string[] = []
  const broker = createTcpServer((socket) => {
    const packets = parser()
    socket.on('data', (bytes) => packets.parse(bytes))
    packets.on('packet', (packet) => {
      if (packet.cmd !== 'connect') return
      names.push(packet.clientId)
      const returnCode = String(packet.password) === 'good' ? 0 : 5
      socket.write(generate({ cmd: 'connack', returnCode, sessionPresent: false }))
    })
  })
  const url = `mqtt://127.0.0.1:${await listen(t, broker)}`
  assert.match((await check(t, url, { token: 'good' })).join('\n'), /OK .*the token is accepted/)
  assert.match(
    (await check(t, url, { token: 'bad' })).join('\n'),
    /FAIL the gateway refuses device/
  )
  assert.deepEqual(names, ['pi-doctor', 'pi-doctor'])
})
