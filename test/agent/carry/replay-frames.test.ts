import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { type TestContext, test } from 'node:test'
import { pino } from 'pino'
import type { StoredFrame } from '../../../agent/buffer/buffer.ts'
import { readExport } from '../../../agent/carry/read-export.ts'
import { replayFrames } from '../../../agent/carry/replay-frames.ts'
import type { Ack } from '../../../shared/wire/ack.ts'
import { systemClock } from '../../../shared/clock.ts'
import { SeededRandom } from '../../support/seeded-random.ts'
import { tempDir } from '../../support/temp-dir.ts'
import { FakeTransport } from '../sender/fake-transport.ts'
import { exportTo, framesIn } from './exports.ts'

async function setup(t: TestContext, script?: (frame: StoredFrame) => Partial<Ack>) {
  const { paths } = await exportTo(await tempDir(t), [...framesIn('a', 5), ...framesIn('b', 2)])
  const { frames } = await readExport(paths)
  const lines: string[] = []
  const transport = new FakeTransport()
  transport.script = script
  const end = new AbortController()
  const replaying = replayFrames(frames, {
    transport,
    clock: systemClock,
    random: new SeededRandom(),
    log: pino({ level: 'info' }, { write: (line) => void lines.push(line) }),
    signal: end.signal,
    progress: () => undefined
  })
  return { paths, lines, transport, end, replaying }
}

test('every frame leaves once, in order, under the identity it was exported with', async (t) => {
  const { transport, replaying } = await setup(t, () => ({}))
  assert.deepEqual(await replaying, { records: 14, refused: [], ended: false })
  const sent = transport.sent.filter(({ header }) => header.stream === 'a')
  assert.deepEqual(
    sent.map(({ header }) => header.first),
    [1, 3, 5, 7, 9]
  )
  const [{ header } = { header: undefined }] = framesIn('a', 1)
  assert.deepEqual(sent[0]?.header, header)
  assert.ok(transport.closed)
})

test('what the gateway refuses for good is told with its numbers, and the rest arrives', async (t) => {
  const { replaying } = await setup(t, ({ header }) =>
    header.stream === 'a' && header.first === 3 ? { code: 'invalid', message: 'no key' } : {}
  )
  const { records, refused } = await replaying
  assert.equal(records, 12)
  assert.deepEqual(refused, ['2 record(s) of stream a, numbers 3 to 4 refused: invalid: no key'])
})

for (const code of ['unauthorized', 'forbidden', 'unknown_stream'] as const) {
  test(`a gateway that answers ${code} ends it instead of being asked for ever`, async (t) => {
    const { replaying } = await setup(t, () => ({ code, message: 'no' }))
    await assert.rejects(replaying, { code })
  })
}

test('the user can end it while the gateway is silent', async (t) => {
  const { end, replaying } = await setup(t)
  end.abort()
  const { records, ended } = await replaying
  assert.deepEqual([records, ended], [0, true])
})

test('a medium that is pulled out ends it with the name of the file and how to go on', async (t) => {
  const { paths, lines, replaying } = await setup(t)
  await rm(paths[0] ?? '')
  await assert.rejects(replaying, (error: Error) => {
    assert.match(error.message, /export\.001\.hwx cannot be read: .*; put the medium back and run/)
    return true
  })
  assert.doesNotMatch(lines.join(''), /buffer/)
})
