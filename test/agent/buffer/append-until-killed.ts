import { systemClock } from '../../../shared/clock.ts'
import { systemRandom } from '../../../shared/random.ts'
import { SqliteBuffer } from '../../../agent/buffer/sqlite-buffer.ts'
import { recordsOf } from '../../contract/buffer.ts'
import { bufferOptions, never } from './setup.ts'

/** Appends numbers and writes each that is durable to standard output, until it is killed. */
const [, , directory = '', from = '1'] = process.argv
const buffer = new SqliteBuffer(
  bufferOptions(directory, {
    clock: systemClock,
    random: systemRandom,
    segmentBytes: 60_000,
    commitAgeMs: 1
  })
)
await buffer.start(never)
for (let n = Number(from); ; n++) {
  const cursors = [{ source: 'tail:a', position: Buffer.from(`${n}`) }]
  const records = recordsOf(`${n}`.padEnd(1 + ((n * 37) % 3000), '.'))
  await buffer.append({ stream: 'a', records, cursors })
  process.stdout.write(`${n}\n`)
}
