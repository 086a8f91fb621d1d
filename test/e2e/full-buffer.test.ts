import assert from 'node:assert/strict'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { figuresOf } from '../support/buffer-figures.ts'
import { NmeaTrack } from '../support/nmea-track.ts'
import { eventually, readAll, textOf } from '../support/programs.ts'
import { numberedLines, Scenario } from '../support/scenario.ts'

/** Without the `-shm` files, 32 KiB beside each open segment, which no cap counts. */
async function bytesIn(directory: string): Promise<number> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile() && !entry.name.endsWith('-shm'))
  const sizes = await Promise.all(
    files.map(async ({ parentPath, name }) => {
      // It may be gone by now.
      const found = await stat(join(parentPath, name)).catch(() => undefined)
      return found?.size ?? 0
    })
  )
  return sizes.reduce((sum, size) => sum + size, 0)
}

test('a buffer that is full stays below its cap: fixes wait in their file, lines that had to go are counted', async (t) => {
  const scenario = await Scenario.create(t)
  const track = new NmeaTrack(scenario.path('track.nmea'), Date.UTC(2026, 0))
  await track.drive(20_000)
  const lines = 60_000
  const log = await scenario.file('app.log', numberedLines(lines))
  const file = `
sources:
  position: { gps: 'file:${track.path}', stream: positions }
  logs: { tail: ${log}, from: start, stream: logs }
streams: { positions: { overflow: block, order: newest-first }, logs: { overflow: drop-oldest } }
buffer: { cap: 2 MiB, segment: 64 KiB, frame: 16 KiB, commitAge: 50ms }
sender: { backoff: { first: 100ms, max: 300ms } }
`
  const agent = scenario.agent(['--config', await scenario.file('agent.yaml', file)])
  agent.start()
  const figures = () => figuresOf(t, scenario.path('agent-device-1'))
  await eventually('a loss', async () => (await figures()).lost.get('logs'))
  for (let i = 0; i < 20; i++, await delay(100)) {
    const bytes = await bytesIn(scenario.path('agent-device-1/segments'))
    assert.ok(bytes > 1024 ** 2 && bytes <= 2 * 1024 ** 2, `${bytes} bytes of 2 MiB`)
  }
  const { waiting } = await figures()
  assert.ok((waiting.get('positions') ?? 0) < track.count / 2, 'most fixes are in their file')

  await scenario.startGateway(['--stream', 'positions:1', '--stream', 'logs:1'])
  const fixes = await eventually('all fixes', async () => {
    const records = await readAll(scenario.url, 'positions')
    return records.length >= track.count - 1 ? records : undefined
  })
  const numbers = fixes.map((record) => track.numberOf(record)).sort((a, b) => a - b)
  assert.deepEqual(numbers, [...numbers.keys()])
  const last = numberedLines(1, lines).trim()
  const records = await eventually('the last line', async () => {
    const read = await readAll(scenario.url, 'logs')
    return read.some((record) => textOf(record) === last) ? read : undefined
  })
  const notices = records.filter(({ attributes }) => attributes?.type === 'headwater.loss')
  const numbered = records.filter((record) => !notices.includes(record)).map(textOf)
  assert.equal(new Set(numbered).size, numbered.length)
  // The stream is told once a minute, and that record may have had to go like any other.
  const lost = (await figures()).lost.get('logs') ?? 0
  const surplus = numbered.length + lost - lines
  assert.ok(surplus === 0 || surplus === 1, `${numbered.length} read, ${lost} lost of ${lines}`)
  for (const notice of notices) assert.ok(JSON.parse(textOf(notice)).total <= lost)
})
