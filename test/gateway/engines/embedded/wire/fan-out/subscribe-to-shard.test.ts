import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { pino } from 'pino'
import type { EmbeddedEngine } from '../../../../../../gateway/engines/embedded/embedded-engine.ts'
import { fanOutOperations } from '../../../../../../gateway/engines/embedded/wire/fan-out/fan-out-operations.ts'
import type {
  EventStream,
  WireEvent,
  WireObject,
  WireValue
} from '../../../../../../gateway/engines/embedded/wire/operation.ts'
import type { WireContext } from '../../../../../../gateway/engines/embedded/wire/wire-context.ts'
import { ManualClock, settle } from '../../../../../support/manual-clock.ts'
import { SeededRandom } from '../../../../../support/seeded-random.ts'
import { tempDir } from '../../../../../support/temp-dir.ts'
import { runningEngine } from '../../running-engine.ts'

const shard = 'shardId-000000000000'
const arn = 'arn:aws:kinesis:eu-central-1:000000000000:stream/s/consumer/c:100'
const never = new AbortController().signal

interface Setup {
  readonly engine: EmbeddedEngine
  readonly clock: ManualClock
  readonly subscribe: (
    position: Record<string, unknown>,
    options?: { signal?: AbortSignal; shard?: string }
  ) => Promise<Subscriber>
  readonly put: (...texts: readonly string[]) => Promise<string[]>
}

async function setup(t: TestContext, context: Partial<WireContext> = {}): Promise<Setup> {
  const clock = new ManualClock()
  const engine = await runningEngine(t, await tempDir(t), { clock })
  await engine.create('s', {
    shards: 1,
    settings: { consumers: [{ name: 'c', createdSeconds: 100, tags: [] }] }
  })
  const log = pino({ level: 'silent' })
  const operations = fanOutOperations({
    engine,
    clock,
    limits: 'none',
    random: new SeededRandom(1),
    log,
    ...context
  })
  return {
    engine,
    clock,
    subscribe: async (StartingPosition, { signal = never, shard: ShardId = shard } = {}) => {
      const call = { operation: 'SubscribeToShard', region: 'eu-central-1', signal, isOver: false }
      const input = { ConsumerARN: arn, ShardId, StartingPosition }
      const answer = await operations['SubscribeToShard']?.answer(input, call)
      assert.ok(answer && isStream(answer))
      return new Subscriber(answer.events[Symbol.asyncIterator]())
    },
    put: async (...texts) => {
      const entries = texts.map((text) => ({
        shard,
        partitionKey: 'k',
        hashKey: 0n,
        data: Buffer.from(text),
        marks: []
      }))
      const outcomes = await engine.put('s', entries, never)
      return outcomes.map((outcome) => (outcome.status === 'stored' ? outcome.sequence : ''))
    }
  }
}

function isStream(answer: WireObject | EventStream): answer is EventStream {
  return 'events' in answer
}

function listOf(value: WireValue): readonly unknown[] {
  assert.ok(Array.isArray(value))
  return value
}

async function isPending(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol('pending')
  return (await Promise.race([promise, Promise.resolve(pending)])) === pending
}

/** How many events there were. */
async function toTheEnd(subscriber: Subscriber): Promise<number> {
  let events = 0
  while (await subscriber.next()) events += 1
  return events
}

/** Takes one event after another. */
class Subscriber {
  readonly #events: AsyncIterator<WireEvent>

  constructor(events: AsyncIterator<WireEvent>) {
    this.#events = events
  }

  async next(): Promise<Event | undefined> {
    const { done, value } = await this.#events.next()
    if (done) return undefined
    assert.equal(value.type, 'SubscribeToShardEvent')
    return new Event(value)
  }
}

class Event {
  readonly payload: WireObject

  constructor({ payload }: WireEvent) {
    this.payload = payload
  }

  get texts(): string[] {
    return listOf(this.payload['Records']).map((record) => String(Object(record).Data))
  }

  get continuation(): string {
    const { ContinuationSequenceNumber: sequence } = this.payload
    assert.ok(typeof sequence === 'string')
    return sequence
  }
}

test('records come from the beginning, then as they are put', async (t) => {
  const { subscribe, put } = await setup(t)
  await put('a', 'b')
  const subscriber = await subscribe({ Type: 'TRIM_HORIZON' })
  assert.deepEqual((await subscriber.next())?.texts, ['a', 'b'])
  const following = subscriber.next()
  await settle()
  await put('c')
  assert.deepEqual((await following)?.texts, ['c'])
})

test('LATEST is where the shard ended when the call was answered', async (t) => {
  const { subscribe, put } = await setup(t)
  await put('a')
  const subscriber = await subscribe({ Type: 'LATEST' })
  await put('b')
  assert.deepEqual((await subscriber.next())?.texts, [])
  assert.deepEqual((await subscriber.next())?.texts, ['b'])
})

test('a subscription begins at or behind a sequence number, or at a time', async (t) => {
  const { subscribe, put, clock } = await setup(t)
  const [first] = await put('a')
  await clock.advance(10_000)
  const Timestamp = clock.wallMs() / 1000
  await put('b')
  const SequenceNumber = first
  for (const [position, texts] of [
    [{ Type: 'AT_SEQUENCE_NUMBER', SequenceNumber }, ['a', 'b']],
    [{ Type: 'AFTER_SEQUENCE_NUMBER', SequenceNumber }, ['b']],
    [{ Type: 'AT_TIMESTAMP', Timestamp }, ['b']]
  ] as const) {
    const subscriber = await subscribe(position)
    assert.deepEqual((await subscriber.next())?.texts, texts, position.Type)
    await clock.advance(5000)
  }
})

test('an empty event comes every five seconds, and a new subscription goes on from it', async (t) => {
  const { subscribe, put, clock } = await setup(t)
  const subscriber = await subscribe({ Type: 'TRIM_HORIZON' })
  assert.deepEqual((await subscriber.next())?.texts, [])
  const waiting = subscriber.next()
  await clock.advance(4999)
  assert.ok(await isPending(waiting))
  await clock.advance(1)
  const beat = await waiting
  assert.ok(beat)
  assert.deepEqual(beat.texts, [])
  // The first record of all: what follows an empty event must not be behind it.
  await put('a')
  const SequenceNumber = beat.continuation
  const next = await subscribe({ Type: 'AFTER_SEQUENCE_NUMBER', SequenceNumber })
  assert.deepEqual((await next.next())?.texts, ['a'])
})

test('a new subscription behind the last event goes on without a gap and without a repeat', async (t) => {
  const { subscribe, put, clock } = await setup(t)
  await put('a', 'b')
  const event = await (await subscribe({ Type: 'TRIM_HORIZON' })).next()
  await put('c')
  await clock.advance(5000)
  const SequenceNumber = event?.continuation
  const next = await subscribe({ Type: 'AFTER_SEQUENCE_NUMBER', SequenceNumber })
  assert.deepEqual((await next.next())?.texts, ['c'])
})

test('a subscription ends after five minutes', async (t) => {
  const { subscribe, clock } = await setup(t)
  const subscriber = await subscribe({ Type: 'LATEST' })
  const ended = toTheEnd(subscriber)
  await clock.advance(299_999)
  assert.ok(await isPending(ended))
  await clock.advance(1)
  assert.equal(await ended, 60)
})

test('a second subscription is refused for five seconds, then it takes over', async (t) => {
  const { subscribe, put, clock } = await setup(t)
  const first = await subscribe({ Type: 'LATEST' })
  await first.next()
  const waiting = assert.rejects(toTheEnd(first), { type: 'ResourceInUseException' })
  await clock.advance(4999)
  await assert.rejects(subscribe({ Type: 'LATEST' }), { type: 'ResourceInUseException' })
  await clock.advance(1)
  const second = await subscribe({ Type: 'LATEST' })
  await waiting
  assert.deepEqual((await second.next())?.texts, [])
  await put('a')
  assert.deepEqual((await second.next())?.texts, ['a'])
})

test('the last event of a closed shard names its children and no continuation', async (t) => {
  const { engine, subscribe, put } = await setup(t)
  await put('a')
  const subscriber = await subscribe({ Type: 'TRIM_HORIZON' })
  assert.deepEqual((await subscriber.next())?.texts, ['a'])
  const last = subscriber.next()
  await settle()
  const children = await engine.split('s', shard)
  const { payload } = (await last) ?? {}
  assert.equal(payload?.['ContinuationSequenceNumber'], undefined)
  assert.deepEqual(
    listOf(payload?.['ChildShards']).map((child) => [
      Object(child).ShardId,
      Object(child).ParentShards
    ]),
    children.map((id) => [id, [shard]])
  )
  assert.equal(await subscriber.next(), undefined)
})

test('records that are the last of a closed shard come with its children and no continuation', async (t) => {
  const { engine, subscribe, put } = await setup(t)
  await put('a')
  await engine.split('s', shard)
  const subscriber = await subscribe({ Type: 'TRIM_HORIZON' })
  const last = await subscriber.next()
  assert.deepEqual(last?.texts, ['a'])
  assert.equal(listOf(last.payload['ChildShards']).length, 2)
  // KCL takes an event with both for a broken one and subscribes again.
  assert.equal(last.payload['ContinuationSequenceNumber'], undefined)
  assert.equal(await subscriber.next(), undefined)
})

test('a subscription ends when its client goes', async (t) => {
  const { subscribe } = await setup(t)
  const gone = new AbortController()
  const subscriber = await subscribe({ Type: 'LATEST' }, { signal: gone.signal })
  await subscriber.next()
  const waiting = subscriber.next()
  gone.abort()
  assert.equal(await waiting, undefined)
})

test('a subscription ends with an error when its stream or its consumer goes', async (t) => {
  const { engine, subscribe, put } = await setup(t)
  await engine.create('other', { shards: 1 })
  const subscriber = await subscribe({ Type: 'LATEST' })
  await subscriber.next()
  const waiting = subscriber.next()
  await settle()
  await engine.alter('s', (definition) => ({
    ...definition,
    settings: { ...definition.settings, consumers: [] }
  }))
  await put('a')
  await assert.rejects(waiting, { type: 'ResourceNotFoundException' })
  await assert.rejects(subscribe({ Type: 'LATEST' }), { type: 'ResourceNotFoundException' })
})

test('one read waits for a slow client and never another', async (t) => {
  const { engine, subscribe, put } = await setup(t)
  await put('a')
  const subscriber = await subscribe({ Type: 'TRIM_HORIZON' })
  const read = t.mock.method(engine, 'read')
  assert.deepEqual((await subscriber.next())?.texts, ['a'])
  for (const text of ['b', 'c', 'd']) await put(text)
  await settle()
  assert.equal(read.mock.callCount(), 0)
  assert.deepEqual((await subscriber.next())?.texts, ['b', 'c', 'd'])
  assert.equal(read.mock.callCount(), 1)
})

test('with the limits of Kinesis two mebibytes come in a second', async (t) => {
  const { subscribe, put, clock } = await setup(t, { limits: 'kinesis' })
  const half = 'x'.repeat(512 * 1024)
  for (let i = 0; i < 8; i++) await put(half)
  const subscriber = await subscribe({ Type: 'TRIM_HORIZON' })
  assert.equal((await subscriber.next())?.texts.length, 2)
  const second = subscriber.next()
  await clock.advance(499)
  assert.ok(await isPending(second))
  await clock.advance(1)
  assert.equal((await second)?.texts.length, 2)
})

test('a shard or consumer that is not there is named', async (t) => {
  const { subscribe } = await setup(t)
  await assert.rejects(subscribe({ Type: 'LATEST' }, { shard: 'shardId-000000000009' }), {
    type: 'ResourceNotFoundException',
    message: /shardId-000000000009/
  })
  await assert.rejects(subscribe({ Type: 'NEVER' }), { type: 'ValidationException' })
})
