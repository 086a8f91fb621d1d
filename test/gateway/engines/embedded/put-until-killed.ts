import { pino } from 'pino'
import { EmbeddedEngine } from '../../../../gateway/engines/embedded/embedded-engine.ts'
import { systemClock } from '../../../../shared/clock.ts'
import { entry, laneHash, sequenceOf, shardId } from '../../../support/engine-calls.ts'

/**
 * The program that `kill.test.ts` kills: puts numbered records into four shards until it is ended
 * from outside, and prints a line for each that was acked. Arguments: directory, first number.
 */
const [directory = '', first = '0'] = process.argv.slice(2)
const never = new AbortController().signal
const engine = new EmbeddedEngine({
  directory,
  segmentBytes: 200_000,
  clock: systemClock,
  log: pino({ level: 'silent' })
})
await engine.start(never)
if ((await engine.streams()).length === 0) await engine.create('s', { shards: 4 })

async function lane(index: number): Promise<never> {
  for (let n = Number(first) + index; ; n += 4) {
    const text = `${n} ${'x'.repeat(n % 3000)}`
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
