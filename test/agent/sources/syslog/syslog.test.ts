import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { promisify } from 'node:util'
import { z } from 'zod'
import { SyslogSource, syslog } from '../../../../agent/sources/syslog/syslog.ts'
import { sourceContract } from '../../../contract/source.ts'
import { makeCertificate } from '../../../support/certificate.ts'
import { cleanUp } from '../../../support/cleanup.ts'
import { halfHandshake } from '../../../support/half-handshake.ts'
import { quiet } from '../../../support/mqtt-raw-client.ts'
import { SourceBench } from '../../../support/source-bench.ts'
import { tempDir } from '../../../support/temp-dir.ts'

type SyslogBench = ReturnType<typeof benchOf>

function benchOf(t: TestContext, once_ = false) {
  return new SourceBench(t, syslog, { once: once_ })
}

async function portOf(bench: SyslogBench, index = 0): Promise<number> {
  const { source } = bench
  assert.ok(source instanceof SyslogSource)
  await bench.until(() => source.addresses[index] !== undefined, 0)
  return source.addresses[index]?.port ?? 0
}

async function setup(t: TestContext, options: object = {}) {
  const bench = benchOf(t)
  bench.start({ syslog: 'tcp://127.0.0.1:0', ...options })
  return { bench, port: await portOf(bench) }
}

async function dial(t: TestContext, port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => undefined)
  cleanUp(t, () => socket.destroy())
  await once(socket, 'connect')
  return socket
}

function sendTo(t: TestContext) {
  const socket = createSocket('udp4')
  cleanUp(t, () => new Promise<void>((resolve) => void socket.close(resolve)))
  return (port: number, text: string | Buffer) =>
    new Promise((resolve) => socket.send(text, port, '127.0.0.1', resolve))
}

for (const protocol of ['tcp', 'udp'] as const) {
  sourceContract(`syslog over ${protocol}`, async (t) => {
    const bench = benchOf(t)
    const send = sendTo(t)
    let number = 0
    return {
      bench,
      options: { syslog: `${protocol}://127.0.0.1:0` },
      rewindable: false,
      produce: async (count) => {
        const port = await portOf(bench)
        const socket = protocol === 'tcp' ? await dial(t, port) : undefined
        for (let i = 0; i < count; i++) {
          const text = `<13>app: line ${number++}\n`
          if (socket) socket.write(text)
          else await send(port, text)
        }
      }
    }
  })
}

test('a message becomes JSON with names, its host the key and its time the time', async (t) => {
  const { bench, port } = await setup(t)
  const socket = await dial(t, port)
  const time = new Date(bench.clock.wallMs() - 5000).toISOString()
  socket.write(`<34>1 ${time} web-1 su 12 ID47 [a b="c"] hello\n<13>app: no host\n`)
  await bench.until(() => bench.appender.records.length >= 2)
  const [first, second] = bench.appender.records
  assert.deepEqual(JSON.parse(first?.text ?? ''), {
    ...{ facility: 'auth', severity: 'crit', time, host: 'web-1', app: 'su', pid: '12' },
    ...{ msgId: 'ID47', data: { a: { b: 'c' } }, message: 'hello' }
  })
  assert.equal(first?.partitionKey, 'web-1')
  assert.equal(first.time, Date.parse(time))
  assert.deepEqual(first.attributes, { peer: '127.0.0.1' })
  assert.equal(second?.partitionKey, 'device-1')
  assert.ok(Math.abs(second.time - bench.clock.wallMs()) < 1000)
  assert.equal(bench.appender.chunks.find(({ records }) => records.lens.length > 0)?.times, 'own')
})

test('the key can be the app or the device; raw keeps the bytes', async (t) => {
  for (const [options, key] of [
    [{ key: 'app' }, 'su'],
    [{ key: 'device' }, 'device-1']
  ] as const) {
    const { bench, port } = await setup(t, { raw: true, ...options })
    const line = '<34>May 11 22:14:15 web-1 su: hello  '
    const socket = await dial(t, port)
    socket.write(`${line}\n`)
    await bench.until(() => bench.appender.records.length >= 1)
    assert.equal(bench.appender.records[0]?.partitionKey, key)
    assert.equal(bench.appender.records[0].text, line)
    await bench.stop()
  }
})

test('the time of a clock that is not set is not taken', async (t) => {
  const { bench, port } = await setup(t)
  const socket = await dial(t, port)
  for (const year of [1970, 2000, 2099]) socket.write(`<34>1 ${year}-01-01T00:00:00Z h a - - - x\n`)
  await bench.until(() => bench.appender.records.length >= 3)
  for (const { time } of bench.appender.records) {
    assert.ok(Math.abs(time - bench.clock.wallMs()) < 1000)
  }
  assert.ok(bench.appender.chunks.every(({ times }) => times === 'clock'))
})

test('what cannot be parsed is kept as it is, marked and counted', async (t) => {
  const { bench, port } = await setup(t)
  const send = sendTo(t)
  const socket = await dial(t, port)
  socket.write('no syslog at all\n')
  await bench.until(() => bench.appender.records.length >= 1)
  assert.equal(bench.appender.records[0]?.text, 'no syslog at all')
  assert.deepEqual(bench.appender.records[0].attributes, { peer: '127.0.0.1', unparsed: 'true' })
  assert.deepEqual(bench.source?.stats().problems, { unparsed: 1 })
  void send
})

test('a message over the limit is cut and marked, over TCP and UDP', async (t) => {
  const bench = benchOf(t)
  const addresses = ['udp://127.0.0.1:0', 'tcp://127.0.0.1:0']
  bench.start({ syslog: addresses, maxMessage: '480 B', raw: true })
  const long = `<13>a: ${'x'.repeat(2000)}`
  await sendTo(t)(await portOf(bench, 0), long)
  await bench.until(() => bench.appender.records.length >= 1)
  const socket = await dial(t, await portOf(bench, 1))
  socket.write(`${long.length} ${long}<13>b\n`)
  await bench.until(() => bench.appender.records.length >= 3)
  const [udp, tcp, next] = bench.appender.records
  for (const one of [udp, tcp]) {
    assert.equal(one?.text, long.slice(0, 480))
    assert.equal(one.attributes?.['truncated'], 'true')
  }
  assert.equal(next?.text, '<13>b')
  assert.equal(bench.source?.stats().problems['cut_message'], 2)
})

test('a sender over TCP waits, unread, while the buffer takes nothing, and loses nothing', async (t) => {
  const { bench, port } = await setup(t, { raw: true })
  bench.appender.automatic = false
  const socket = await dial(t, port)
  const line = (i: number) => `<13>a: ${i} ${'x'.repeat(1000)}`
  const count = 40_000
  let written = 0
  const write = () => {
    while (written < count) if (!socket.write(`${line(written++)}\n`)) break
  }
  socket.on('drain', write)
  write()
  await bench.until(() => bench.appender.waiting > 0)
  await bench.pass(2000)
  assert.ok(written < count, 'all was read')
  bench.appender.automatic = true
  bench.appender.commit()
  await bench.until(() => bench.appender.records.length >= count)
  assert.deepEqual(
    bench.appender.texts,
    Array.from({ length: count }, (_, i) => line(i))
  )
})

test('many senders that wait for room at once do not fill it over its bounds', async (t) => {
  const { bench, port } = await setup(t, { raw: true })
  bench.appender.automatic = false
  const lines = '<1>\n'.repeat(20_000)
  const sockets = await Promise.all(Array.from({ length: 16 }, () => dial(t, port)))
  for (const socket of sockets) socket.end(lines)
  await bench.until(() => bench.appender.waiting > 0)
  await bench.pass(500)
  bench.appender.automatic = true
  bench.appender.commit()
  await bench.until(() => bench.appender.records.length === 320_000)
  assert.deepEqual(bench.source?.stats().problems, {})
  const most = Math.max(...bench.appender.chunks.map(({ records }) => records.lens.length))
  assert.ok(most < 40_000, `${most} records in a chunk`)
})

test('datagrams that find no room are dropped and counted, and the next ones are taken', async (t) => {
  const { bench, port } = await setup(t, { syslog: 'udp://127.0.0.1:0', raw: true })
  const send = sendTo(t)
  bench.appender.automatic = false
  const dropped = () => bench.source?.stats().problems['dropped_datagram'] ?? 0
  const text = `<13>a: ${'x'.repeat(60_000)}`
  for (let i = 0; dropped() === 0 && i < 1000; i++) {
    await send(port, text)
    await new Promise((resolve) => setImmediate(resolve))
  }
  assert.ok(dropped() > 0)
  assert.ok(bench.appender.chunks.reduce((sum, { records }) => sum + records.data.length, 0) < 5e6)
  bench.appender.automatic = true
  bench.appender.commit()
  await bench.until(() => bench.appender.records.length > 1 && bench.appender.waiting === 0)
  await send(port, '<13>a: last')
  await bench.until(() => bench.appender.texts.at(-1) === '<13>a: last')
  assert.ok(bench.appender.chunks.every((chunk) => chunk.volatile))
})

test('senders that are not allowed are turned away and counted', async (t) => {
  const bench = benchOf(t)
  bench.start({
    syslog: ['udp://127.0.0.1:0', 'tcp://127.0.0.1:0'],
    allow: ['10.0.0.0/8', '::1']
  })
  await sendTo(t)(await portOf(bench, 0), '<13>a: x')
  const socket = await dial(t, await portOf(bench, 1))
  socket.resume()
  await once(socket, 'close')
  await bench.until(() => bench.source?.stats().problems['refused_peer'] === 2)
  assert.deepEqual(bench.appender.texts, [])
})

test('connections over the limit are turned away; those there are go on', async (t) => {
  const { bench, port } = await setup(t, { maxConnections: 2, raw: true })
  const first = await dial(t, port)
  await dial(t, port)
  const third = await dial(t, port)
  third.resume()
  await once(third, 'close')
  first.write('<13>a: x\n')
  await bench.until(() => bench.appender.texts.length === 1)
  assert.deepEqual(bench.source?.stats().problems, { refused_connection: 1 })
})

test('a connection that is silent for too long is closed, what it sent is kept', async (t) => {
  const { bench, port } = await setup(t, { idle: '1s', raw: true })
  const socket = await dial(t, port)
  socket.write('<13>a: unfinished')
  socket.resume()
  await once(socket, 'close')
  await bench.until(() => bench.appender.texts.length === 1)
  assert.deepEqual(bench.appender.records[0]?.attributes, { peer: '127.0.0.1', truncated: 'true' })
  assert.equal(bench.source?.stats().problems['idle_connection'], 1)
})

test('clients that send garbage leave the others as they are', async (t) => {
  const { bench, port } = await setup(t, { raw: true })
  const good = await dial(t, port)
  const garbage = Buffer.from(Array.from({ length: 100_000 }, (_, i) => (i * 7919) % 251))
  for (let i = 0; i < 5; i++) {
    const bad = await dial(t, port)
    bad.write(garbage)
    if (i % 2 === 0) bad.resetAndDestroy()
  }
  good.write('<13>good: 1\n')
  await bench.until(() => bench.appender.texts.includes('<13>good: 1'))
  good.write('<13>good: 2\n')
  await bench.until(() => bench.appender.texts.includes('<13>good: 2'))
})

test('a stop stores what was read before it resolves', async (t) => {
  const { bench, port } = await setup(t, { raw: true })
  bench.appender.automatic = false
  const socket = await dial(t, port)
  socket.write('<13>a: 1\n<13>a: 2\n<13>a: 3')
  await bench.until(() => bench.appender.waiting > 0)
  await bench.stop()
  assert.deepEqual(bench.appender.texts, ['<13>a: 1', '<13>a: 2', '<13>a: 3'])
  assert.equal(await bench.done(), undefined)
})

test('over TLS, with and without certificates of senders', async (t) => {
  const made = makeCertificate(await tempDir(t))
  if (!made) return t.skip('openssl is absent')
  const [cert, key] = [readFileSync(made.cert, 'utf8'), readFileSync(made.key, 'utf8')]
  for (const mutual of [false, true]) {
    const tls = mutual ? { cert, key, ca: cert } : { cert, key }
    const { bench, port } = await setup(t, { syslog: 'tls://127.0.0.1:0', tls, raw: true })
    const open = (options: object) => {
      const socket = connectTls({ port, host: '127.0.0.1', ca: cert, ...options })
      socket.on('error', () => undefined)
      cleanUp(t, () => socket.destroy())
      socket.write('<13>a: secret\n')
      return socket.resume()
    }
    if (mutual) {
      open({})
      await bench.until(() => bench.source?.stats().problems['refused_connection'] === 1)
    }
    open(mutual ? { cert, key } : {})
    await bench.until(() => bench.appender.texts.length === 1)
    await bench.stop()
  }
})

test('a TLS handshake that stays half ends after ten seconds and is counted once', async (t) => {
  const made = makeCertificate(await tempDir(t))
  if (!made) return t.skip('openssl is absent')
  const [cert, key] = [readFileSync(made.cert, 'utf8'), readFileSync(made.key, 'utf8')]
  const tls = { cert, key }
  const { bench, port } = await setup(t, { syslog: 'tls://127.0.0.1:0', tls, raw: true })
  const good = connectTls({ port, host: '127.0.0.1', ca: cert })
  cleanUp(t, () => good.destroy())
  await once(good, 'secureConnect')
  const half = await halfHandshake(t, port)
  await quiet()
  await bench.clock.advance(9999)
  assert.equal(half.isClosed, false)
  await bench.clock.advance(1)
  await bench.until(() => half.isClosed, 0)
  good.write('<13>a: goes on\n')
  await bench.until(() => bench.appender.texts.length === 1)
  assert.deepEqual(bench.source?.stats().problems, { refused_connection: 1 })
})

test('an address that others can reach needs TLS or insecure, TLS needs a certificate', (t) => {
  const bench = benchOf(t)
  const named = (message: RegExp) => ({ code: 'config', message })
  const create = (options: object) => () => bench.create(options)
  assert.throws(create({ syslog: 'udp://0.0.0.0:514' }), named(/udp:\/\/0\.0\.0\.0:514.*insecure/))
  assert.throws(create({ syslog: ['tcp://127.0.0.1:1', 'tcp://10.0.0.1:1'] }), named(/10\.0\.0\.1/))
  assert.throws(create({ syslog: 'tls://0.0.0.0:1' }), named(/needs "tls:"/))
  assert.throws(
    create({ syslog: 'tcp://127.0.0.1:1', allow: ['10.0.0.0/33'] }),
    named(/10\.0\.0\.0\/33/)
  )
  assert.throws(create({ syslog: 'http://127.0.0.1:1' }), /udp:\/\/, tcp:\/\/ or tls:\/\//)
  create({ syslog: 'udp://0.0.0.0:514', insecure: true })()
})

test('addresses are shown as they were written, one or a list of them', () => {
  for (const written of ['udp://127.0.0.1:1', ['udp://127.0.0.1:1', 'tls://[::1]:2']]) {
    const options = syslog.options.parse({ syslog: written })
    assert.deepEqual(z.encode(syslog.options, options).syslog, written)
  }
})

test('a port that is taken is named, and the other addresses are closed', async (t) => {
  const { port } = await setup(t)
  const second = benchOf(t)
  second.start({ syslog: ['udp://127.0.0.1:0', `tcp://127.0.0.1:${port}`] })
  const error = await second.done()
  assert.match(String(error), new RegExp(`tcp://127.0.0.1:${port} is in use`))
  assert.equal((error as { code?: string }).code, 'port_taken')
})

test('once: there is nothing to wait for, the run resolves', async (t) => {
  const bench = benchOf(t, true)
  bench.start({ syslog: 'tcp://127.0.0.1:0' })
  assert.equal(await bench.done(), undefined)
})

const hasLogger = spawnSync('logger', ['--version']).status === 0

test('logger of util-linux is understood in all its forms', async (t) => {
  if (!hasLogger) return t.skip('logger is absent')
  const bench = benchOf(t)
  bench.start({ syslog: ['udp://127.0.0.1:0', 'tcp://127.0.0.1:0'], key: 'device' })
  const forms = [['--udp'], ['--tcp'], ['--tcp', '--octet-count'], ['--udp', '--rfc3164']]
  for (const [index, form] of forms.entries()) {
    const port = await portOf(bench, form[0] === '--udp' ? 0 : 1)
    const where = ['-n', '127.0.0.1', '-P', String(port), '-p', 'local3.err', '-t', 'door', '-i']
    await promisify(execFile)('logger', [...form, ...where, 'opened – twice'])
    await bench.until(() => bench.appender.texts.length > index)
    const parsed = JSON.parse(bench.appender.texts[index] ?? '') as Record<string, unknown>
    assert.equal(parsed['facility'], 'local3')
    assert.equal(parsed['severity'], 'err')
    assert.equal(parsed['app'], 'door')
    assert.match(String(parsed['pid']), /^\d+$/)
    assert.equal(parsed['message'], 'opened – twice')
  }
})
