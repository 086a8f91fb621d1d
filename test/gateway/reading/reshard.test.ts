import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pino } from 'pino'
import { EmbeddedEngine } from '../../../gateway/engines/embedded/embedded-engine.ts'
import type { Shard } from '../../../gateway/engines/engine.ts'
import { type ReaderOptions, StreamReader } from '../../../gateway/reading/stream-reader.ts'
import { entry, hashOf, putAll, type TestedEngine } from '../../support/engine-calls.ts'
import { aggregateOf, type Member, sourceOf } from '../../support/aggregates.ts'
import { FakeEngine } from '../../support/fake-engine.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { SeededRandom } from '../../support/seeded-random.ts'
import { tempDir } from '../../support/temp-dir.ts'

const never = new AbortController().signal

/**
 * Devices that write through lanes as the gateway does: a queue for each open shard, one aggregate
 * at a time, lanes in any order, what was stored sent again at any time, shards split and merged.
 */
class Fleet {
  readonly #engine: TestedEngine
  readonly #random: SeededRandom
  readonly #seqs = [0, 0, 0]
  readonly #stored: Member[] = []
  /** Members that wait, by open shard. */
  #lanes: { shard: Shard; queue: Member[] }[] = []
  /** All that was sent, by partition key. */
  readonly sent = new Map<string, string[]>()

  constructor(engine: TestedEngine, random: SeededRandom) {
    this.#engine = engine
    this.#random = random
  }

  async step(): Promise<void> {
    if (this.#lanes.length === 0) await this.#reroute()
    const dice = this.#random.below(20)
    if (dice < 10) this.#send()
    else if (dice < 16) await this.#flushOne()
    else if (dice < 18) await this.#repeat()
    else if (dice < 19) await this.#split()
    else await this.#merge()
  }

  async flush(): Promise<void> {
    while (this.#lanes.some((lane) => lane.queue.length > 0)) await this.#flushOne()
  }

  #send(): void {
    const device = this.#random.below(this.#seqs.length)
    for (let i = 0; i <= this.#random.below(4); i++) {
      const partitionKey = `key ${this.#random.below(12)} of ${device}`
      const seq = (this.#seqs[device] ?? 0) + 1
      this.#seqs[device] = seq
      const text = `${device}/${seq}`
      this.sent.set(partitionKey, [...(this.sent.get(partitionKey) ?? []), text])
      this.#enqueue({ source: sourceOf(`device-${device}`), seq, partitionKey, text })
    }
  }

  #enqueue(member: Member): void {
    this.#laneOf(member)?.queue.push(member)
  }

  #laneOf({ partitionKey }: Member) {
    const hash = BigInt(hashOf(partitionKey))
    return this.#lanes.find(({ shard }) => shard.range.start <= hash && hash <= shard.range.end)
  }

  async #flushOne(): Promise<void> {
    const lane = this.#pick(this.#lanes.filter(({ queue }) => queue.length > 0))
    if (!lane) return
    const members = lane.queue.splice(0, 1 + this.#random.below(6))
    await this.#put(lane.shard, members)
    this.#stored.push(...members)
  }

  async #repeat(): Promise<void> {
    const from = this.#random.below(Math.max(1, this.#stored.length))
    const again = this.#stored.slice(from, from + 5)
    for (const member of again) {
      const lane = this.#laneOf(member)
      if (lane) await this.#put(lane.shard, [member])
    }
  }

  async #put(shard: Shard, members: readonly Member[]): Promise<void> {
    const hash = hashOf(members[0]?.partitionKey ?? '')
    await putAll(this.#engine, [entry({ data: aggregateOf(members, hash), shard: shard.id, hash })])
  }

  async #split(): Promise<void> {
    const lane = this.#pick(this.#lanes)
    if (!lane || this.#lanes.length > 6) return
    await this.#engine.split('s', lane.shard.id)
    await this.#reroute()
  }

  async #merge(): Promise<void> {
    const at = this.#random.below(this.#lanes.length)
    const [lane, neighbour] = [this.#lanes[at], this.#lanes[at + 1]]
    if (!lane || !neighbour) return
    await this.#engine.merge('s', lane.shard.id, neighbour.shard.id)
    await this.#reroute()
  }

  /** Queues go over to the new shards one after the other, so only the order by key is kept. */
  async #reroute(): Promise<void> {
    const waiting = this.#lanes.flatMap((lane) => lane.queue)
    const { shards } = await this.#engine.describe('s')
    this.#lanes = shards
      .filter((shard) => shard.open)
      .toSorted((a, b) => (a.range.start < b.range.start ? -1 : 1))
      .map((shard) => ({ shard, queue: [] }))
    for (const member of waiting) this.#enqueue(member)
  }

  #pick<T>(list: readonly T[]): T | undefined {
    return list[this.#random.below(list.length)]
  }
}

/** Reads what there is with readers of small limits, each from the checkpoint of the one before. */
async function readOn(engine: TestedEngine, random: SeededRandom, from: ReaderOptions['from']) {
  const read: { key: string; text: string }[] = []
  for (let at = from; ; ) {
    const limit = 1 + random.below(40)
    const reader = new StreamReader(engine, {
      stream: 's',
      from: at,
      follow: false,
      limit,
      signal: never
    })
    const before = read.length
    for await (const batch of reader.records()) {
      read.push(...batch.map((one) => ({ key: one.partitionKey, text: one.data.toString() })))
    }
    at = { checkpoint: reader.checkpoint() }
    if (read.length === before) return { read, from: at }
  }
}

async function simulate(engine: TestedEngine, random: SeededRandom, steps: number) {
  await engine.create('s', { shards: 1 + random.below(4) })
  const fleet = new Fleet(engine, random)
  const seen = new Map<string, string[]>()
  let from: ReaderOptions['from'] = 'start'
  for (let i = 0; i <= steps; i++) {
    if (i < steps) await fleet.step()
    else await fleet.flush()
    if (i < steps && random.below(25) > 0) continue
    const part = await readOn(engine, random, from)
    from = part.from
    for (const { key, text } of part.read) seen.set(key, [...(seen.get(key) ?? []), text])
  }
  const sorted = (map: Map<string, string[]>) => [...map].toSorted(([a], [b]) => (a < b ? -1 : 1))
  assert.deepEqual(sorted(seen), sorted(fleet.sent))
}

test('each record is read once and in order by key, through repeats, splits, merges and resumed readers', async (t) => {
  for (let round = 0; round < 30; round++) {
    const random = new SeededRandom()
    const engine = new FakeEngine({ clock: new ManualClock(), random })
    t.diagnostic(`seed ${random.seed}`)
    await simulate(engine, random, 250)
  }
})

test('the same on the embedded engine, over many segments', async (t) => {
  const random = new SeededRandom()
  const engine = new EmbeddedEngine({
    directory: await tempDir(t),
    segmentBytes: 5000,
    clock: new ManualClock(),
    log: pino({ level: 'silent' })
  })
  await engine.start(never)
  t.after(() => engine.stop(never))
  t.diagnostic(`seed ${random.seed}`)
  await simulate(engine, random, 400)
})
