import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { StoredFrame } from '../../../agent/buffer/buffer.ts'
import { Sender } from '../../../agent/sender/sender.ts'
import type { Transport } from '../../../agent/sender/transports/transport.ts'
import { HeadwaterError } from '../../../shared/errors.ts'
import { createLog } from '../../../shared/log.ts'
import type { Ack } from '../../../shared/wire/ack.ts'
import { ackOf } from '../../support/fake-gateway-script.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { MemoryFrameStore } from '../../support/memory-frame-store.ts'
import { SeededRandom } from '../../support/seeded-random.ts'
import { epochOne, epochTwo, frameOf } from '../../support/stored-frames.ts'

const faults = [
  'none',
  'lost before',
  'lost after',
  'throttled',
  'unavailable',
  'out_of_order',
  'too_large',
  'unauthorized',
  'forbidden',
  'slow'
] as const
type Fault = (typeof faults)[number]

/** A gateway that stores in order, as the design has it, and fails as its script says. */
class ModelGateway implements Transport {
  readonly name = 'model://gateway'
  /** Sequence numbers in the order in which they were stored, by stream and epoch. */
  readonly stored = new Map<string, number[]>()
  /** Batches of the newer epoch that came while the agent still held some of the older. */
  early = 0
  readonly #script: Fault[]
  readonly #clock: ManualClock
  readonly #store: MemoryFrameStore

  constructor(script: readonly Fault[], clock: ManualClock, store: MemoryFrameStore) {
    this.#script = [...script]
    this.#clock = clock
    this.#store = store
  }

  async send({ header }: StoredFrame): Promise<Ack> {
    const held = this.#store.floor(header.stream, epochOne) > 0
    if (header.epoch === epochTwo && held) this.early += 1
    const fault = this.#script.shift() ?? 'none'
    if (fault === 'lost before') throw new HeadwaterError('transport', 'cut before it arrived')
    if (fault === 'unauthorized') throw new HeadwaterError('unauthorized', '401')
    const refusals: readonly string[] = ['throttled', 'unavailable', 'out_of_order', 'forbidden']
    if (refusals.includes(fault)) return ackOf(header, { code: fault as Ack['code'] })
    if (fault === 'too_large' && header.count > 1) return ackOf(header, { code: 'too_large' })
    const { stream, epoch, first, count, prev, floor } = header
    const stored = this.stored.get(`${stream} ${epoch}`) ?? []
    const through = stored.at(-1) ?? 0
    if (prev > through && prev >= floor) return ackOf(header, { code: 'out_of_order' })
    for (let seq = Math.max(first, through + 1); seq < first + count; seq++) stored.push(seq)
    this.stored.set(`${stream} ${epoch}`, stored)
    if (fault === 'slow') await this.#clock.sleep(3000)
    if (fault === 'lost after') throw new HeadwaterError('transport', 'cut before the Ack')
    return ackOf(header, {})
  }

  bytesMoved(): number {
    return 0
  }

  connections(): number {
    return 0
  }

  async reset(): Promise<void> {}

  async close(): Promise<void> {}
}

const plans = fc.record({
  seed: fc.nat(),
  /** Streams of frames, as numbers of records; the second number: frames of the newer epoch. */
  streams: fc.array(
    fc.record({
      older: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 6 }),
      newer: fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 3 })
    }),
    { minLength: 1, maxLength: 3 }
  ),
  script: fc.array(fc.constantFrom(...faults), { maxLength: 60 }),
  window: fc.record({
    frames: fc.integer({ min: 1, max: 8 }),
    bytes: fc.integer({ min: 1, max: 2000 })
  })
})

function framesOf(stream: string, epoch: string, counts: readonly number[]): StoredFrame[] {
  let first = 1
  return counts.map((count) => {
    const texts = Array.from({ length: count }, (_, i) => `${stream} ${first + i}`)
    const frame = frameOf(texts, { stream, epoch, first })
    first += count
    return frame
  })
}

test('whatever fails, every frame is stored in order and released once, and none is parked', async () => {
  const property = fc.asyncProperty(plans, async ({ seed, streams, script, window }) => {
    const frames = streams.flatMap(({ older, newer }, i) => [
      ...framesOf(`s${i}`, epochOne, older),
      ...framesOf(`s${i}`, epochTwo, newer)
    ])
    const store = new MemoryFrameStore()
    store.add(...frames)
    const clock = new ManualClock()
    const transport = new ModelGateway(script, clock, store)
    const random = new SeededRandom(seed)
    const log = createLog('test', 'silent')
    const sender = new Sender({ store, transport, clock, random, log, window })
    await sender.start()
    let idle = false
    void sender.idle(new AbortController().signal).then(() => {
      idle = true
    })
    for (let i = 0; i < 200 && !idle; i++) await clock.advance(300_000)
    await sender.stop(AbortSignal.abort())

    assert.ok(idle, 'all is sent in the end')
    assert.equal(transport.early, 0, 'the newer epoch waits for the older')
    const released = store.released.map(({ id }) => id)
    for (const { header } of frames) {
      const ofStream = (id: string): boolean => id.startsWith(`${header.stream}/`)
      const ids = frames
        .filter((frame) => frame.header.stream === header.stream)
        .map(({ id }) => id)
      assert.deepEqual(released.filter(ofStream), ids, 'settled in order, each once')
    }
    assert.ok(store.released.every(({ parked }) => parked === undefined))
    for (const [key, seqs] of transport.stored) {
      const [stream, epoch] = key.split(' ')
      const count = frames
        .filter(({ header }) => header.stream === stream && header.epoch === epoch)
        .reduce((sum, { header }) => sum + header.count, 0)
      assert.deepEqual(
        seqs,
        Array.from({ length: count }, (_, i) => i + 1)
      )
    }
  })
  await fc.assert(property, { numRuns: 150 })
})
