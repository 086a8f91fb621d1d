import assert from 'node:assert/strict'
import { chmod, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { pino } from 'pino'
import { reportToSystemd } from '../../shared/systemd.ts'
import { ManualClock, settle } from '../support/manual-clock.ts'
import { tempDir } from '../support/temp-dir.ts'

interface Knobs {
  readonly env?: Readonly<Record<string, string>>
  readonly probe?: () => Promise<unknown>
  readonly notify?: (line: string) => Promise<unknown>
}

function setup({ env, probe, notify }: Knobs = {}) {
  const clock = new ManualClock()
  const sent: string[] = []
  const stop = new AbortController()
  const done = reportToSystemd(
    {
      env: env ?? { NOTIFY_SOCKET: '/run/systemd/notify', WATCHDOG_USEC: '120000000' },
      clock,
      log: pino({ level: 'silent' }),
      probe: probe ?? (async () => undefined),
      notify: async (line) => {
        sent.push(line)
        await notify?.(line)
      }
    },
    stop.signal
  )
  return { clock, sent, stop, done }
}

test('systemd hears of the start, and a sign of life three times in WatchdogSec', async () => {
  const { clock, sent, stop, done } = setup()
  await settle()
  assert.deepEqual(sent, ['READY=1', 'WATCHDOG=1'])
  await clock.advance(39_999)
  assert.equal(sent.length, 2)
  await clock.advance(1)
  assert.deepEqual(sent.slice(2), ['WATCHDOG=1'])
  stop.abort()
  await done
  assert.equal(sent.length, 3)
})

test('a probe that hangs ends the signs of life', async () => {
  const { clock, sent } = setup({ probe: () => new Promise(() => undefined) })
  await clock.advance(1_000_000)
  assert.deepEqual(sent, ['READY=1'])
})

test('a disk that answers with an error is no reason to restart', async () => {
  const { clock, sent, stop, done } = setup({ probe: () => Promise.reject(new Error('EIO')) })
  await clock.advance(40_000)
  assert.deepEqual(sent, ['READY=1', 'WATCHDOG=1', 'WATCHDOG=1'])
  stop.abort()
  await done
})

test('a message that cannot be sent is tried again at the next turn', async () => {
  const { clock, sent, stop, done } = setup({ notify: () => Promise.reject(new Error('EAGAIN')) })
  await clock.advance(80_000)
  assert.equal(sent.length, 4)
  stop.abort()
  await done
})

test('without WatchdogSec only the start is told', async () => {
  const { sent, done } = setup({ env: { NOTIFY_SOCKET: '/run/systemd/notify' } })
  await done
  assert.deepEqual(sent, ['READY=1'])
})

test('outside systemd nothing is told', async () => {
  const { sent, done } = setup({ env: {} })
  await done
  assert.deepEqual(sent, [])
})

test('systemd-notify sees its socket and no secret of the program', async (t) => {
  const folder = await tempDir(t)
  const program = join(folder, 'systemd-notify')
  const seen = join(folder, 'seen')
  const write = `require('node:fs').writeFileSync('${seen}', JSON.stringify(process.env))`
  await writeFile(program, `#!${process.execPath}\n${write}\n`)
  await chmod(program, 0o755)
  const heard = { PATH: folder, NOTIFY_SOCKET: '/run/systemd/notify' }
  await reportToSystemd(
    {
      env: { ...heard, HEADWATER_TOKEN: 'secret' },
      clock: new ManualClock(),
      log: pino({ level: 'silent' }),
      probe: async () => undefined
    },
    new AbortController().signal
  )
  assert.deepEqual(JSON.parse(await readFile(seen, 'utf8')), heard)
})
