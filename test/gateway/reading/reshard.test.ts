import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pino } from 'pino'
import { EmbeddedEngine } from '../../../gateway/engines/embedded/embedded-engine.ts'
import type { PutEntry, Shard } from '../../../gateway/engines/engine.ts'
import { type ReaderOptions, StreamReader } from '../../../gateway/reading/stream-reader.ts'
import { entry, hashOf, putAll, type TestedEngine } from '../../support/engine-calls.ts'
import { aggregateOf, type Member, sourceOf } from '../../support/aggregates.ts'
import { FakeEngine } from '../../support/fake-engine.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { SeededRandom } from '../../support/seeded-random.ts'
import { tempDir } from '../../support/temp-dir.ts'

const never = new AbortController().signal

interface FleetLane {
  readonly shard: Shard
  readonly queue: Member[]
  /** Sent, with an outcome that is not known. */
  away?: PutEntry
}

/**
 * Devices that write through lanes as the gateway does: a queue for each open shard, one aggregate
 * at a time, lanes in any order, shards split and merged. Either the fleet does that itself, and
 * sends again at any time what was stored; or it is done unseen, so that aggregates for the old
 * shards land in the new ones, and those with an unknown outcome are sent again until it is known.
 */
class Fleet {
  readonly #engine: TestedEngine
  readonly #random: SeededRandom
  readonly #isUnseen: boolean
  readonly #seqs = [0, 0, 0]
  readonly #stored: Member[] = []
  /** Members that wait, by open shard. */
  #lanes: FleetLane[] = []
  /** All that was sent, by partition key. */
  readonly sent = new Map<string, string[]>()

  constructor(engine: TestedEngine, random: SeededRandom, isUnseen: boolean) {
    this.#engine = engine
    this.#random = random
    this.#isUnseen = isUnseen
  }

  async step(): Promise<void> {
    if (this.#lanes.length === 0) await this.#reroute()
    const dice = this.#random.below(20)
    if (dice < 10) this.#send()
    else if (dice < 16) await this.#flushOne()
    else if (dice < 18) await (this.#isUnseen ? this.#reroute() : this.#repeat())
    else if (dice < 19) await this.#split()
    else await this.#merge()
  }

  async flush(): Promise<void> {
    while (this.#lanes.some(isBusy)) await this.#flushOne()
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
    const lane = this.#pick(this.#lanes.filter(isBusy))
    if (!lane) return
    if (!lane.away) {
      const members = lane.queue.splice(0, 1 + this.#random.below(6))
      lane.away = entryOf(lane.shard, members)
      this.#stored.push(...members)
    }
    await putAll(this.#engine, [lane.away])
    const isKnown = !this.#isUnseen || this.#random.below(3) > 0
    if (isKnown) delete lane.away
  }

  async #repeat(): Promise<void> {
    const from = this.#random.below(Math.max(1, this.#stored.length))
    const again = this.#stored.slice(from, from + 5)
    for (const member of again) {
      const lane = this.#laneOf(member)
      if (lane) await putAll(this.#engine, [entryOf(lane.shard, [member])])
    }
  }

  async #split(): Promise<void> {
    const open = await this.#open()
    const shard = this.#pick(open)
    if (!shard || open.length > 6) return
    await this.#engine.split('s', shard.id)
    if (!this.#isUnseen) await this.#reroute()
  }

  async #merge(): Promise<void> {
    const open = await this.#open()
    const at = this.#random.below(open.length)
    const [shard, neighbour] = [open[at], open[at + 1]]
    if (!shard || !neighbour) return
    await this.#engine.merge('s', shard.id, neighbour.id)
    if (!this.#isUnseen) await this.#reroute()
  }

  /**
   * What is away is sent until its outcome is known. Queues go over to the new shards one after the
   * other, so only the order by key is kept.
   */
  async #reroute(): Promise<void> {
    await putAll(
      this.#engine,
      this.#lanes.flatMap(({ away }) => away ?? [])
    )
    const waiting = this.#lanes.flatMap((lane) => lane.queue)
    this.#lanes = (await this.#open()).map((shard) => ({ shard, queue: [] }))
    for (const member of waiting) this.#enqueue(member)
  }

  async #open(): Promise<Shard[]> {
    const { shards } = await this.#engine.describe('s')
    return shards
      .filter((shard) => shard.open)
      .toSorted((a, b) => (a.range.start < b.range.start ? -1 : 1))
  }

  #pick<T>(list: readonly T[]): T | undefined {
    return list[this.#random.below(list.length)]
  }
}

function isBusy({ queue, away }: FleetLane): boolean {
  return queue.length > 0 || away !== undefined
}

function entryOf(shard: Shard, members: readonly Member[]): PutEntry {
  const hash = hashOf(members[0]?.partitionKey ?? '')
  return entry({ data: aggregateOf(members, hash), shard: shard.id, hash })
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

/** By key, what the fleet sent and what was read. */
async function simulate(
  engine: TestedEngine,
  random: SeededRandom,
  { steps, isUnseen = false }: { readonly steps: number; readonly isUnseen?: boolean }
) {
  await engine.create('s', { shards: 1 + random.below(4) })
  const fleet = new Fleet(engine, random, isUnseen)
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
  return { sent: sorted(fleet.sent), seen: sorted(seen) }
}

test('each record is read once and in order by key, through repeats, splits, merges and resumed readers', async (t) => {
  for (let round = 0; round < 30; round++) {
    const random = new SeededRandom()
    const engine = new FakeEngine({ clock: new ManualClock(), random })
    t.diagnostic(`seed ${random.seed}`)
    const { sent, seen } = await simulate(engine, random, { steps: 250 })
    assert.deepEqual(seen, sent)
  }
})

test('each record is read once, through unknown outcomes, and splits and merges that its writer did not see', async (t) => {
  const inAnyOrder = (texts: [string, string[]][]) =>
    texts.map(([key, some]) => [key, some.toSorted()])
  for (let round = 0; round < 30; round++) {
    const random = new SeededRandom()
    const engine = new FakeEngine({ clock: new ManualClock(), random })
    t.diagnostic(`seed ${random.seed}`)
    const { sent, seen } = await simulate(engine, random, { steps: 250, isUnseen: true })
    assert.deepEqual(inAnyOrder(seen), inAnyOrder(sent))
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
  const { sent, seen } = await simulate(engine, random, { steps: 400 })
  assert.deepEqual(seen, sent)
})
