import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdir, readdir, stat, writeFile } from 'node:fs/promises'
import { type IncomingMessage, request } from 'node:http'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { pino } from 'pino'
import { ControlClient } from '../../../agent/control/control-client.ts'
import { ControlServer } from '../../../agent/control/control-server.ts'
import { Taps } from '../../../agent/control/taps.ts'
import { cleanUp } from '../../support/cleanup.ts'
import { ManualClock, settle } from '../../support/manual-clock.ts'
import { MemoryAppender } from '../../support/memory-appender.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { columns } from '../transforms/chain-bench.ts'

const status = { device: 'd', pid: 7, gateways: ['http://g'], sources: ['app'], metrics: [] }

async function setup(t: TestContext, folder = 'agent') {
  const dataDir = join(await tempDir(t), folder)
  await mkdir(dataDir)
  const taps = new Taps()
  const warnings: string[] = []
  const serializers = { error: pino.stdSerializers.err }
  const log = pino(
    { level: 'warn', serializers },
    { write: (line: string) => void warnings.push(line) }
  )
  const clock = new ManualClock()
  const server = new ControlServer({ dataDir, status: () => status, taps, clock, log })
  cleanUp(t, () => server.stop())
  return { dataDir, taps, server, warnings, client: new ControlClient(dataDir) }
}

test('the status is answered on a socket that only its owner may use', async (t) => {
  const { dataDir, server, client } = await setup(t)
  await server.start()
  assert.deepEqual(await client.status(), status)
  assert.equal((await stat(join(dataDir, 'agent.sock'))).mode & 0o777, 0o600)
  await server.stop()
  assert.deepEqual(await readdir(dataDir), [])
})

test('a tap shows what passes, and is removed when it is left', async (t) => {
  const { taps, server, client } = await setup(t)
  await server.start()
  const sink = taps.onSink(new MemoryAppender(), 'app', ['before', 'after'])
  const query = new URLSearchParams({ side: 'after', source: 'app' })
  const lines = client.tap(query, new AbortController().signal)
  const first = lines.next()
  while (taps.count === 0) await settle(1)
  await sink.append({ stream: 's', records: columns(['hello']) })
  const { value } = await first
  assert.equal(JSON.parse(String(value)).text, 'hello')
  await lines.return(undefined)
  while (taps.count > 0) await settle(1)
})

test('taps end with the agent, and when their signal aborts', async (t) => {
  const { taps, server, client } = await setup(t)
  await server.start()
  const end = new AbortController()
  const aborted = client.tap(new URLSearchParams(), end.signal).next()
  const ended = client.tap(new URLSearchParams(), new AbortController().signal).next()
  while (taps.count < 2) await settle(1)
  end.abort()
  assert.equal((await aborted).done, true)
  await server.stop()
  assert.equal((await ended).done, true)
})

test('a fifth tap is refused', async (t) => {
  const { taps, server, client } = await setup(t)
  await server.start()
  const end = new AbortController()
  const open = Array.from({ length: 4 }, () => client.tap(new URLSearchParams(), end.signal).next())
  while (taps.count < 4) await settle(1)
  const fifth = client.tap(new URLSearchParams(), end.signal).next()
  await assert.rejects(fifth, { code: 'unavailable', message: /4 taps are open/ })
  end.abort()
  await Promise.all(open)
})

test('a socket that a killed agent left is replaced', async (t) => {
  const { dataDir, server, client } = await setup(t)
  await writeFile(join(dataDir, 'agent.sock'), '')
  await server.start()
  assert.equal((await client.status()).pid, 7)
})

test('an agent that cannot have the socket runs without it and says so', async (t) => {
  const { server, warnings, client } = await setup(t, 'x'.repeat(100))
  await server.start()
  assert.match(warnings.join(''), /too long for the name of a socket/)
  await assert.rejects(client.status(), { code: 'unavailable', message: /too long/ })
})

test('where no agent runs the message says what to name', async (t) => {
  const { client, server } = await setup(t)
  await assert.rejects(client.status(), {
    code: 'unavailable',
    message: /no agent runs.*--data-dir/
  })
  await Promise.all([server.stop(), server.stop()])
})

test('a request whose path is no URL is answered, and the agent lives on', async (t) => {
  const { dataDir, server, client } = await setup(t)
  await server.start()
  const asked = request({ socketPath: join(dataDir, 'agent.sock'), path: '//' }).end()
  const [answer]: IncomingMessage[] = await once(asked, 'response')
  answer?.resume()
  assert.equal(answer?.statusCode, 404)
  assert.deepEqual(await client.status(), status)
})
