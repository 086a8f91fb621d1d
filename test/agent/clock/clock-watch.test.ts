import assert from 'node:assert/strict'
import { mkdir, utimes, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { pino } from 'pino'
import { ClockWatch } from '../../../agent/clock/clock-watch.ts'
import { cleanUp } from '../../support/cleanup.ts'
import { timeOn } from '../../support/manual-boot.ts'
import { ManualClock, settle } from '../../support/manual-clock.ts'
import { tempDir } from '../../support/temp-dir.ts'

const in2026 = Date.UTC(2026, 5, 1)
const synchronized = 'run/systemd/timesync/synchronized'
const rtc = 'sys/class/rtc/rtc0/since_epoch'

/** A machine with these answers of programs; a program without one is not installed. */
async function setup(t: TestContext, wallMs = in2026, answers: Record<string, string> = {}) {
  const root = await tempDir(t)
  const clock = new ManualClock(wallMs)
  const time = timeOn(clock)
  const asked: string[] = []
  const ask = async (program: string, args: readonly string[]) => {
    asked.push([program, ...args].join(' '))
    const answer = answers[program]
    if (answer === undefined) throw new Error(`spawn ${program} ENOENT`)
    return answer
  }
  const watch = new ClockWatch({ time, clock, ask, root, log: pino({ level: 'silent' }) })
  cleanUp(t, () => watch.stop())
  const write = async (name: string, text = '') => {
    await mkdir(dirname(join(root, name)), { recursive: true })
    await writeFile(join(root, name), text)
  }
  /** Lets time pass, each look at the disk being done before the next. */
  const pass = async (ms: number) => {
    for (let left = ms; left >= 0; left -= 5000) {
      while (clock.sleeping === 0) await settle()
      await clock.advance(Math.min(left, 5000))
    }
    while (clock.sleeping === 0) await settle()
  }
  return { root, clock, time, watch, write, asked, answers, pass }
}

test('a clock that systemd-timesyncd has set is known to be right at the start', async (t) => {
  const { watch, time, write, asked } = await setup(t)
  await write(synchronized)
  await watch.start()
  assert.equal(time.now().clock, 'ntp')
  assert.deepEqual(asked, [])
})

test('a boot in 1970 is unsynced until NTP sets the clock, and is known 5 seconds later', async (t) => {
  const { watch, clock, time, write, pass } = await setup(t, 3000)
  await watch.start()
  const before = time.now()
  assert.equal(before.clock, 'unsynced')
  clock.jumpWall(in2026)
  await write(synchronized)
  await pass(5000)
  assert.deepEqual(time.correctionOf(before), { clock: 'ntp', offset: in2026 - 3000 })
})

test('after a step by hand it takes a synchronisation that is newer', async (t) => {
  const { root, watch, clock, time, write, pass } = await setup(t)
  await write(synchronized)
  await utimes(join(root, synchronized), 1000, 1000)
  await watch.start()
  clock.jumpWall(in2026 + 3_600_000)
  await pass(60_000)
  assert.equal(time.now().clock, 'unsynced')
  await utimes(join(root, synchronized), 2000, 2000)
  await pass(5000)
  assert.equal(time.now().clock, 'ntp')
})

test('programs are asked once a minute while nothing else says that the clock is right', async (t) => {
  const { watch, time, asked, answers, pass } = await setup(t, in2026, {
    timedatectl: 'NTPSynchronized=no\n'
  })
  await watch.start()
  await pass(170_000)
  const once = 'timedatectl show --property=NTPSynchronized'
  assert.deepEqual(asked, [once, once, once])
  assert.equal(time.now().clock, 'unsynced')
  answers['timedatectl'] = 'NTPSynchronized=yes\n'
  await pass(10_000)
  assert.equal(time.now().clock, 'ntp')
  await pass(200_000)
  assert.equal(asked.length, 4)
})

test('without timedatectl chronyd is asked, and its own unset clock is not believed', async (t) => {
  const tracking = (id: string, leap: string) =>
    `${id},192.0.2.1,3,1780272000.1,0.000001,0.000001,0.000001,-1.5,0.0,0.1,0.02,0.001,64.2,${leap}\n`
  const { watch, time, answers, asked, pass } = await setup(t, in2026, {
    chronyc: tracking('7F7F0101', 'Normal')
  })
  await watch.start()
  await pass(10_000)
  answers['chronyc'] = tracking('00000000', 'Not synchronised')
  await pass(60_000)
  assert.equal(time.now().clock, 'unsynced')
  assert.equal(asked.filter((one) => one === 'chronyc -c tracking').length, 2)
  answers['chronyc'] = tracking('C0000201', 'Normal')
  await pass(60_000)
  assert.equal(time.now().clock, 'ntp')
})

test('a wall clock that agrees with a hardware clock is worth as much as that', async (t) => {
  const { watch, time, write } = await setup(t)
  await write('sys/class/rtc/rtc1/since_epoch', '12\n')
  await write(rtc, `${in2026 / 1000}\n`)
  await watch.start()
  assert.equal(time.now().clock, 'rtc')
})

test('a hardware clock that was never set, or says something else, is worth nothing', async (t) => {
  for (const seconds of [0, 946_684_800, in2026 / 1000 + 3600]) {
    const { watch, time, write } = await setup(t)
    await write(rtc, `${seconds}\n`)
    await watch.start()
    assert.equal(time.now().clock, 'unsynced')
  }
})

test('it can be stopped before its start, and twice', async (t) => {
  const { watch, clock } = await setup(t)
  await watch.stop()
  await watch.start()
  await watch.stop()
  assert.equal(clock.sleeping, 0)
})
