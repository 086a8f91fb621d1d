import { pino } from 'pino'
import { EmbeddedEngine } from '../../../../gateway/engines/embedded/embedded-engine.ts'
import { systemClock } from '../../../../shared/clock.ts'
import { entry, laneHash, sequenceOf, shardId } from '../../../support/engine-calls.ts'

/**
 * The program that `kill.test.ts` kills: puts numbered records into four shards until it is ended
 * from outside, and prints a line for each that was acked. Arguments: directory, first number, most
 * bytes of a record, bytes of a segment.
 */
const [directory = '', first = '0', mostBytes = '3000', segmentBytes = '200000'] =
  process.argv.slice(2)
const never = new AbortController().signal
const engine = new EmbeddedEngine({
  directory,
  segmentBytes: Number(segmentBytes),
  clock: systemClock,
  log: pino({ level: 'silent' })
})
await engine.start(never)
if ((await engine.streams()).length === 0) await engine.create('s', { shards: 4 })

/** Records of all sizes, so that blocks and segments end at other places in each life. */
const filling = 'x'.repeat(Number(mostBytes))
const sizeOf = (n: number) => (n * 7919) % Number(mostBytes)

async function lane(index: number): Promise<never> {
  for (let n = Number(first) + index; ; n += 4) {
    const text = `${n} ${filling.slice(0, sizeOf(n))}`
    const marks = [{ source: `device/epoch/${index}`, seq: n + 1 }]
    const [outcome] = await engine.put(
      's',
      [entry({ text, marks, shard: shardId(index), hash: laneHash(index) })],
      never
    )
    if (outcome) process.stdout.write(`${n} ${index} ${sequenceOf(outcome)}\n`)
  }
}

await Promise.all([0, 1, 2, 3].map(lane))
