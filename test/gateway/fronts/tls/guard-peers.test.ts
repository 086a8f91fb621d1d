import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { makeCertificate, steadyTls } from '../../../support/certificate.ts'
import { cleanUp } from '../../../support/cleanup.ts'
import { halfHandshake } from '../../../support/half-handshake.ts'
import { ManualClock } from '../../../support/manual-clock.ts'
import { startFront as startMqtt } from '../../../support/mqtt-front-fixture.ts'
import { quiet, until } from '../../../support/mqtt-raw-client.ts'
import { tempDir } from '../../../support/temp-dir.ts'
import { startFront as startHttp } from '../http/fixture.ts'

const fronts = {
  http: async (t: TestContext, listener: Listener) => {
    const clock = new ManualClock()
    const { front } = await startHttp(t, { listener, clock })
    return { front, clock, port: front.ports()[0] ?? 0 }
  },
  mqtt: (t: TestContext, listener: Listener) => startMqtt(t, { listeners: [listener] })
}

interface Listener {
  readonly host: string
  readonly port: number
  readonly tls: ReturnType<typeof steadyTls>
}

async function setup(t: TestContext, name: keyof typeof fronts) {
  const paths = makeCertificate(await tempDir(t))
  if (!paths) {
    t.skip('openssl is not installed')
    return undefined
  }
  const cert = readFileSync(paths.cert, 'utf8')
  const tls = steadyTls({ cert, key: readFileSync(paths.key, 'utf8') })
  const started = await fronts[name](t, { host: '127.0.0.1', port: 0, tls })
  return { ...started, cert }
}

function trickle(socket: Socket): Promise<void> {
  socket.write(Buffer.of(0))
  return quiet()
}

for (const name of ['http', 'mqtt'] as const) {
  test(`over ${name} a TLS handshake ends after ten seconds, whether its peer is silent or trickles`, async (t) => {
    const s = await setup(t, name)
    if (!s) return
    const { port, clock, cert } = s
    const good = connectTls({ port, host: '127.0.0.1', ca: cert })
    cleanUp(t, () => good.destroy())
    await new Promise((resolve) => good.once('secureConnect', resolve))
    const silent = await halfHandshake(t, port, Buffer.alloc(0))
    const slow = await halfHandshake(t, port)
    await quiet()
    for (let i = 0; i < 9; i++) {
      await clock.advance(1000)
      await trickle(slow.socket)
    }
    assert.deepEqual([silent.isClosed, slow.isClosed], [false, false])
    await clock.advance(1000)
    await until(() => silent.isClosed && slow.isClosed)
    if (name === 'http') assert.equal(good.closed, false)
  })

  test(`over ${name} a peer in the TLS handshake does not hold up the stop`, async (t) => {
    const s = await setup(t, name)
    if (!s) return
    const { port, front } = s
    const silent = await halfHandshake(t, port, Buffer.alloc(0))
    await quiet()
    const deadline = AbortSignal.timeout(5000)
    await front.stop(deadline)
    assert.equal(deadline.aborted, false)
    await until(() => silent.isClosed)
  })
}
