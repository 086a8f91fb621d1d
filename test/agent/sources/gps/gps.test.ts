import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { gps } from '../../../../agent/sources/gps/gps.ts'
import { sourceContract } from '../../../contract/source.ts'
import { FakeReceiver } from '../../../support/fake-receiver.ts'
import { gga, rmc, sentence } from '../../../support/nmea-sentences.ts'
import { hasProgram, PtyPair } from '../../../support/pty-pair.ts'
import { SourceBench } from '../../../support/source-bench.ts'

const noon = Date.UTC(2026, 5, 1, 12)

async function setup(t: TestContext, bench: { readonly once?: boolean } = {}) {
  const receiver = await FakeReceiver.create(t)
  // Time flies in tests.
  const options = { gps: `tcp://127.0.0.1:${receiver.port}`, watchdog: '24h' }
  return { receiver, bench: new SourceBench(t, gps, bench), options }
}

sourceContract('gps over TCP', async (t) => {
  const { receiver, bench, options } = await setup(t)
  let number = 0
  return {
    bench,
    options,
    rewindable: false,
    produce: async (count) => {
      await bench.until(() => receiver.isConnected)
      for (let i = 0; i < count; i++) {
        number += 1
        receiver.say(gga({ time: number * 1000, north: number / 1000 }))
      }
    }
  }
})

test('a fix is one record at the time of the fix, when its epoch is over', async (t) => {
  const { receiver, bench, options } = await setup(t)
  bench.start(options)
  await bench.until(() => receiver.connections === 1)
  receiver.say(gga({ time: noon }))
  receiver.say(rmc({ time: noon }))
  await bench.until(() => bench.appender.texts.length === 1)
  const [record] = bench.appender.records
  assert.equal(record?.time, noon)
  assert.equal(record?.attributes, undefined)
  assert.deepEqual(JSON.parse(record?.text ?? ''), {
    lat: 48.116666667,
    lon: 11.516666667,
    quality: 'gps',
    satellites: 8,
    hdop: 0.9,
    alt: 545.4,
    altHae: 592.3,
    speed: 11.524,
    course: 84.4
  })
  assert.ok(bench.appender.chunks.every(({ volatile }) => volatile))
})

test('a fix without a date has its arrival as event time, and says so', async (t) => {
  const { receiver, bench, options } = await setup(t)
  bench.start(options)
  await bench.until(() => receiver.connections === 1)
  receiver.say(gga({ time: noon }))
  await bench.until(() => bench.appender.texts.length === 1)
  const [record] = bench.appender.records
  assert.deepEqual(record?.attributes, { time: 'arrival' })
  assert.ok(Math.abs((record?.time ?? 0) - bench.clock.wallMs()) < 60_000)
})

test('the time of each new fix is told, and the times of a receiver are told from arrivals', async (t) => {
  const { receiver, bench, options } = await setup(t)
  const told: number[] = []
  bench.start({ ...options, deadband: { distance: '1km' } }, { tellTime: (ms) => told.push(ms) })
  await bench.until(() => receiver.connections === 1)
  receiver.say(gga({ time: noon }))
  await bench.until(() => bench.appender.texts.length === 1)
  receiver.say(rmc({ time: noon + 1000, north: 9 }).repeat(3))
  receiver.say(rmc({ time: noon + 2000, north: 9 }))
  receiver.say(rmc({ time: noon + 3000, north: 20 }))
  await bench.until(() => bench.appender.texts.length === 3)
  // What the deadband leaves out tells the time as well, a fix that is repeated only once.
  assert.deepEqual(told, [noon + 1000, noon + 2000, noon + 3000])
  assert.deepEqual(
    bench.appender.chunks.map(({ times }) => times),
    ['clock', 'gps', 'gps']
  )
})

test('a fix that is repeated, or lost, makes no record and is counted', async (t) => {
  const { receiver, bench, options } = await setup(t)
  const source = bench.start(options)
  await bench.until(() => receiver.connections === 1)
  const lost = sentence('GPRMC,120001.00,V,,,,,,,010626,,,N')
  receiver.say(rmc({ time: noon }).repeat(3) + lost + rmc({ time: noon + 2000, north: 8 }))
  await bench.until(() => bench.appender.texts.length === 2)
  assert.deepEqual(source.stats().problems, { stale_fix: 2, no_fix: 1 })
})

test('garbage, half lines and wrong checksums are counted, and what follows is read', async (t) => {
  const { receiver, bench, options } = await setup(t)
  const source = bench.start(options)
  await bench.until(() => receiver.connections === 1)
  receiver.say(Buffer.from([0xb5, 0x62, 0x01, 0x07, 0xff, 0x0a, 0x00, 0x0a]))
  receiver.say('x'.repeat(40_000))
  receiver.say('\n7.1,N*33\n')
  receiver.say(rmc({ time: noon }).replace('4', '5'))
  receiver.say(rmc({ time: noon }))
  await bench.until(() => bench.appender.texts.length === 1)
  const { cut_line, not_nmea, bad_checksum } = source.stats().problems
  assert.deepEqual(
    { cut_line, not_nmea, bad_checksum },
    { cut_line: 1, not_nmea: 4, bad_checksum: 1 }
  )
})

test('a server that hangs up is called again, and what was cut is not joined', async (t) => {
  const { receiver, bench, options } = await setup(t)
  const source = bench.start(options)
  await bench.until(() => receiver.connections === 1)
  receiver.say(rmc({ time: noon }))
  receiver.say(rmc({ time: noon + 1000 }).slice(0, 30))
  await bench.until(() => bench.appender.texts.length === 1)
  receiver.hangUp()
  await bench.until(() => receiver.connections === 2)
  receiver.say(rmc({ time: noon + 2000, north: 8 }))
  await bench.until(() => bench.appender.texts.length === 2)
  assert.deepEqual(
    bench.appender.records.map(({ time }) => time),
    [noon, noon + 2000]
  )
  assert.deepEqual(source.stats().problems, { connection_lost: 1 })
})

test('a receiver that says nothing for the time of the watchdog is connected anew', async (t) => {
  const { receiver, bench, options } = await setup(t)
  const source = bench.start({ ...options, watchdog: '30s' })
  await bench.until(() => receiver.connections === 1, 0)
  receiver.say(rmc({ time: noon }))
  await bench.until(() => bench.appender.texts.length === 1)
  await bench.pass(29_000)
  assert.equal(receiver.connections, 1)
  await bench.until(() => receiver.connections === 2)
  assert.equal(source.stats().problems['no_data'], 1)
})

test('with --once one fix is read, or none where none can be had', async (t) => {
  const { receiver, bench, options } = await setup(t, { once: true })
  bench.start(options)
  await bench.until(() => receiver.connections === 1)
  receiver.say(rmc({ time: noon }) + rmc({ time: noon + 1000 }))
  assert.equal(await bench.done(), undefined)
  assert.equal(bench.appender.texts.length, 1)
  bench.start({ ...options, watchdog: '1s' })
  await bench.until(() => !bench.running)
  assert.equal(bench.appender.texts.length, 1)
  bench.start({ gps: 'tcp://127.0.0.1:1' })
  await bench.until(() => !bench.running)
  assert.equal(await bench.done(), undefined)
})

test('gpsd is told to watch, and its reports are fixes', async (t) => {
  const receiver = await FakeReceiver.create(
    t,
    '{"class":"VERSION","release":"3.22","proto_major":3}\r\n'
  )
  const bench = new SourceBench(t, gps)
  const source = bench.start({ gps: `gpsd://127.0.0.1:${receiver.port}`, watchdog: '24h' })
  await bench.until(() => receiver.heard.includes('\n'))
  assert.equal(receiver.heard, '?WATCH={"enable":true,"json":true};\n')
  const tpv = (second: number, mode: number) =>
    `{"class":"TPV","device":"/dev/ttyS0","mode":${mode},"time":"2026-06-01T12:00:0${second}.000Z","lat":48.1,"lon":11.5}\r\n`
  receiver.say(tpv(0, 3) + tpv(0, 3) + tpv(1, 1) + tpv(2, 2) + '{"class":\n[]\n')
  await bench.until(() => bench.appender.texts.length === 2)
  assert.deepEqual(
    bench.appender.records.map(({ time }) => time),
    [noon, noon + 2000]
  )
  await bench.until(() => source.stats().problems['bad_line'] === 2)
  assert.deepEqual(source.stats().problems, { stale_fix: 1, no_fix: 1, bad_line: 2 })
})

const skip = hasProgram('socat') ? false : 'needs socat'

test('a serial receiver is read, and again after it was unplugged', { skip }, async (t) => {
  const pair = await PtyPair.create(t)
  const bench = new SourceBench(t, gps)
  const source = bench.start({ gps: pair.path, baud: 4800, watchdog: '24h' })
  await pair.write(rmc({ time: noon }))
  await bench.until(() => bench.appender.texts.length === 1)
  await pair.unplug()
  await bench.until(() => (source.stats().problems['cannot_open'] ?? 0) > 0)
  await pair.plug()
  await pair.write(rmc({ time: noon + 1000 }))
  await bench.until(() => bench.appender.texts.length === 2)
})
