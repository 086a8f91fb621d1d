import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { gps } from '../../../../agent/sources/gps/gps.ts'
import { cleanUp } from '../../../support/cleanup.ts'
import { FakeReceiver } from '../../../support/fake-receiver.ts'
import { gga, rmc, sentence } from '../../../support/nmea-sentences.ts'
import { freePort } from '../../../support/programs.ts'
import { hasProgram } from '../../../support/pty-pair.ts'
import { SourceBench } from '../../../support/source-bench.ts'

const skip = hasProgram('gpsd') ? false : 'needs gpsd'

test('the fixes of a real gpsd are those of its receiver', { skip }, async (t) => {
  const receiver = await FakeReceiver.create(t)
  const port = await freePort()
  startGpsd(t, port, `tcp://127.0.0.1:${receiver.port}`)
  const bench = new SourceBench(t, gps)
  const source = bench.start({ gps: `gpsd://127.0.0.1:${port}`, watchdog: '24h' })
  // gpsd has its own opinion of times that are not of today.
  const start = Math.floor(Date.now() / 1000) * 1000 - 60_000
  const say = async (epoch: (time: number) => string, enough: () => boolean) => {
    for (let i = 0; i < 50 && !enough(); i++) {
      receiver.say(epoch(start + 1000 * seconds++))
      await bench.pass(1)
      await delay(100)
    }
    assert.ok(enough())
  }
  let seconds = 0
  await say(fixAt, () => bench.appender.texts.length >= 3)
  // gpsd needs an epoch or two to learn the order of its receiver's sentences.
  const record = bench.appender.records.at(-1)
  const { lat, lon, ...rest } = JSON.parse(record?.text ?? '{}')
  assert.equal(lon, 11.516666667)
  assert.ok(lat > 48.1 && lat < 48.2)
  assert.equal(rest.mode, 3)
  assert.equal(rest.alt, 545.4)
  assert.equal(rest.speed, 11.524)
  assert.equal(record?.attributes, undefined)
  // Before the first date it gives a fix without time.
  const dated = bench.appender.records.filter(({ attributes }) => attributes === undefined)
  const times = dated.map(({ time }) => time)
  assert.ok(times.length >= 2)
  assert.ok(times.every((time) => time >= start && time < start + 60_000 && time % 1000 === 0))
  assert.equal(new Set(times).size, times.length)
  await say(lostAt, () => (source.stats().problems['no_fix'] ?? 0) > 0)
})

function fixAt(time: number): string {
  const north = 7 + (time % 60_000) / 1_000_000
  const mode = sentence('GPGSA,A,3,04,05,,09,12,,,24,,,,,2.5,1.3,2.1')
  return gga({ time, north }) + rmc({ time, north }) + mode
}

function lostAt(time: number): string {
  const clock = new Date(time).toISOString().slice(11, 19).replaceAll(':', '')
  return (
    sentence(`GPGGA,${clock}.00,,,,,0,00,99.99,,,,,,`) +
    sentence(`GPRMC,${clock}.00,V,,,,,,,${dateOf(time)},,,N`) +
    sentence('GPGSA,A,1,,,,,,,,,,,,,99.99,99.99,99.99')
  )
}

function dateOf(time: number): string {
  const iso = new Date(time).toISOString()
  return iso.slice(8, 10) + iso.slice(5, 7) + iso.slice(2, 4)
}

function startGpsd(t: TestContext, port: number, from: string): void {
  // In the foreground, asking its receiver nothing and writing to it nothing.
  const gpsd = spawn('gpsd', ['-N', '-n', '-b', '-S', String(port), from], { stdio: 'ignore' })
  const over = once(gpsd, 'exit')
  cleanUp(t, async () => {
    gpsd.kill()
    await over
  })
}
