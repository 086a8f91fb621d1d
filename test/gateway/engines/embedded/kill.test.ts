import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { watch } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { EmbeddedEngine } from '../../../../gateway/engines/embedded/embedded-engine.ts'
import type { ShardPosition, StreamRecord } from '../../../../gateway/engines/engine.ts'
import { systemClock } from '../../../../shared/clock.ts'
import { shardId } from '../../../support/engine-calls.ts'
import { tempDir } from '../../../support/temp-dir.ts'
import { runningEngine } from './running-engine.ts'

const program = fileURLToPath(new URL('./put-until-killed.js', import.meta.url))

interface Acked {
  readonly n: number
  readonly shard: number
  readonly sequence: bigint
}

interface Life {
  readonly directory: string
  /** Number of the first record. */
  readonly first: number
  /** Records that are acked before the kill, at least. */
  readonly acks: number
  /** Of them after a new segment has begun; default: whether one has does not matter. */
  readonly afterRoll?: number
  /** Most bytes of a record, bytes of a segment; default: those of the program. */
  readonly sizes?: readonly number[]
}

/** Runs the program until it has acked enough, then kills it at once. */
async function killed({ directory, first, acks, afterRoll, sizes = [] }: Life): Promise<Acked[]> {
  const args = [directory, first, ...sizes].map(String)
  const child = spawn(process.execPath, [program, ...args], {
    stdio: ['ignore', 'pipe', 'inherit']
  })
  const acked: Acked[] = []
  let enough = afterRoll === undefined ? acks : Number.POSITIVE_INFINITY
  const killWhenEnough = () => {
    if (acked.length >= enough) child.kill('SIGKILL')
  }
  const files = afterRoll === undefined ? undefined : watch(join(directory, 'streams', 's'))
  files?.on('change', (event, file) => {
    if (event !== 'rename' || !/^segment-\d+\.db$/.test(String(file))) return
    enough = Math.max(acks, acked.length + (afterRoll ?? 0))
    killWhenEnough()
  })
  for await (const line of createInterface({ input: child.stdout })) {
    const [n = '', shard = '', sequence = ''] = line.split(' ')
    // The last line may be cut.
    if (sequence.length === 56)
      acked.push({ n: Number(n), shard: Number(shard), sequence: BigInt(sequence) })
    killWhenEnough()
  }
  files?.close()
  assert.ok(acked.length >= acks)
  return acked
}

/** Sequence and number of each record of a shard, as read. */
async function readNumbers(engine: EmbeddedEngine, shard: number): Promise<[bigint, number][]> {
  const found: [bigint, number][] = []
  const numberOf = ({ sequence, data }: StreamRecord): [bigint, number] => [
    BigInt(sequence),
    parseInt(data.toString('latin1', 0, 16), 10)
  ]
  for (let from: ShardPosition | undefined = { at: 'start' }; from; ) {
    const limit = { maxRecords: 10_000, maxBytes: 16 * 1024 * 1024 }
    const { records, next } = await engine.read('s', shardId(shard), { from, ...limit })
    found.push(...records.map(numberOf))
    from = records.length > 0 ? next : undefined
  }
  return found
}

async function assertKept(t: TestContext, directory: string, acked: readonly Acked[]) {
  const engine = await runningEngine(t, directory, { clock: systemClock })
  assert.equal(engine.stats().streams[0]?.salvagedSegments, 0)
  for (const shard of [0, 1, 2, 3]) {
    const records = await readNumbers(engine, shard)
    const bySequence = new Map(records)
    assert.equal(bySequence.size, records.length)
    for (const one of acked) {
      if (one.shard === shard) assert.equal(bySequence.get(one.sequence), one.n)
    }
    const numbers = [...bySequence.values()]
    assert.deepEqual(
      numbers,
      numbers.toSorted((a, b) => a - b)
    )
    assert.equal(new Set(numbers).size, numbers.length)
    assert.deepEqual(await engine.marks('s', `device/epoch/${shard}`), [
      { shard: shardId(shard), seq: (numbers.at(-1) ?? 0) + 1 }
    ])
  }
}

/** Numbers of a life are above those of the last one, and above what it had put without an ack. */
function nextFirst(acked: readonly Acked[]): number {
  const next = Math.max(-1, ...acked.map((one) => one.n)) + 1000
  return next - (next % 4)
}

test('kill -9 in the middle of puts, four times: nothing acked is lost or doubled, order stays, no number is used again', async (t) => {
  const directory = await tempDir(t)
  const acked: Acked[] = []
  for (const acks of [1, 150, 400, 250]) {
    acked.push(...(await killed({ directory, first: nextFirst(acked), acks })))
  }
  await assertKept(t, directory, acked)
})

test('kill -9 while logs of many megabytes are moved and segments are sealed: the same holds', async (t) => {
  const directory = await tempDir(t)
  const acked: Acked[] = []
  const sizes = [400_000, 40_000_000]
  const lives = [
    { acks: 45 },
    { acks: 0, afterRoll: 0 },
    { acks: 60 },
    { acks: 50, afterRoll: 12 },
    { acks: 200 },
    { acks: 100, afterRoll: 40 }
  ]
  for (const life of lives) {
    acked.push(...(await killed({ directory, first: nextFirst(acked), sizes, ...life })))
  }
  await assertKept(t, directory, acked)
})
