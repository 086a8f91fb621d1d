import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { pino } from 'pino'
import { EmbeddedEngine } from '../../../../gateway/engines/embedded/embedded-engine.ts'
import { systemClock } from '../../../../shared/clock.ts'
import { readTexts, shardId } from '../../../support/engine-calls.ts'
import { tempDir } from '../../../support/temp-dir.ts'

const never = new AbortController().signal
const program = fileURLToPath(new URL('./put-until-killed.js', import.meta.url))

interface Acked {
  readonly n: number
  readonly shard: number
  readonly sequence: bigint
}

/** Runs the program until it has acked `count` records, then kills it at once. */
async function killAfter(count: number, directory: string, first: number): Promise<Acked[]> {
  const child = spawn(process.execPath, [program, directory, String(first)], {
    stdio: ['ignore', 'pipe', 'inherit']
  })
  const acked: Acked[] = []
  for await (const line of createInterface({ input: child.stdout })) {
    const [n = '', shard = '', sequence = ''] = line.split(' ')
    // The last line may be cut.
    if (sequence.length === 56)
      acked.push({ n: Number(n), shard: Number(shard), sequence: BigInt(sequence) })
    if (acked.length === count) child.kill('SIGKILL')
  }
  return acked
}

test('kill -9 in the middle of puts, four times: nothing acked is lost or doubled, order stays, no number is used again', async (t) => {
  const directory = await tempDir(t)
  const acked: Acked[] = []
  for (const count of [1, 150, 400, 250]) {
    const first = Math.max(-1, ...acked.map((one) => one.n)) + 1000
    const life = await killAfter(count, directory, first - (first % 4))
    assert.ok(life.length >= count)
    acked.push(...life)
  }
  const engine = new EmbeddedEngine({
    directory,
    clock: systemClock,
    log: pino({ level: 'silent' })
  })
  await engine.start(never)
  t.after(() => engine.stop(never))
  for (const shard of [0, 1, 2, 3]) {
    const mine = acked.filter((one) => one.shard === shard)
    const { records } = await engine.read('s', shardId(shard), {
      from: { at: 'start' },
      maxRecords: 100_000,
      maxBytes: 2 ** 30
    })
    const bySequence = new Map(
      records.map((one) => [BigInt(one.sequence), parseInt(one.data.toString(), 10)])
    )
    assert.equal(bySequence.size, records.length)
    for (const one of mine) assert.equal(bySequence.get(one.sequence), one.n)
    const numbers = [...bySequence.values()]
    assert.deepEqual(
      numbers,
      numbers.toSorted((a, b) => a - b)
    )
    assert.equal(new Set(numbers).size, numbers.length)
    assert.deepEqual(await engine.marks('s', `device/epoch/${shard}`), [
      { shard: shardId(shard), seq: (numbers.at(-1) ?? 0) + 1 }
    ])
    assert.equal((await readTexts(engine, shardId(shard))).length, records.length)
  }
})
