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
import { SeededRandom } from '../../support/seeded-random.ts'
import { LanedStore } from './laned-store.ts'

const faults = [
  'lost before',
  'lost after',
  'throttled',
  'too_large',
  'out_of_order',
  'slow'
] as const
type Fault = (typeof faults)[number]

/**
 * A gateway as the design has it: one number for each device, epoch and lane says what is stored,
 * for ever, and one more, lost in a restart, which batch is in turn.
 */
class ModelGateway implements Transport {
  readonly name = 'model://gateway'
  /** Every record that was stored. */
  readonly stored: { readonly epoch: string; readonly lane: number; readonly seq: number }[] = []
  readonly #marks = new Map<string, number>()
  #taken = new Map<string, number>()
  readonly #clock: ManualClock
  faults: Fault[] = []
  up = true

  readonly #latencyMs: number

  constructor(clock: ManualClock, latencyMs: number) {
    this.#clock = clock
    this.#latencyMs = latencyMs
  }

  restart(): void {
    this.#taken = new Map()
  }

  async send({ header }: StoredFrame): Promise<Ack> {
    if (!this.up) throw new HeadwaterError('transport', 'the link is down')
    const fault = this.faults.shift()
    if (fault === 'lost before') throw new HeadwaterError('transport', 'cut before it arrived')
    if (fault === 'throttled' || fault === 'out_of_order') return ackOf(header, { code: fault })
    if (fault === 'too_large' && header.count > 1) return ackOf(header, { code: fault })
    if (!this.#take(header)) return ackOf(header, { code: 'out_of_order' })
    const latencyMs = this.#latencyMs + (fault === 'slow' ? 3000 : 0)
    if (latencyMs > 0) await this.#clock.sleep(latencyMs)
    if (!this.up) throw new HeadwaterError('transport', 'the link went down')
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

  #take({ epoch, lane, first, count, prev, floor }: StoredFrame['header']): boolean {
    const source = `${epoch}/${lane}`
    const taken = this.#taken.get(source) ?? 0
    if (prev > taken && prev >= floor) return false
    const last = first + count - 1
    this.#taken.set(source, Math.max(taken, last))
    const mark = this.#marks.get(source) ?? 0
    for (let seq = Math.max(first, mark + 1, taken + 1); seq <= last; seq++) {
      this.stored.push({ epoch, lane, seq })
    }
    this.#marks.set(source, Math.max(mark, last))
    return true
  }
}

const counts = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 5 })
const fault = fc.constantFrom(...faults)
const saves = fc.constantFrom('ok' as const, 'fails' as const, 'doubt' as const)

const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ append: counts }) },
  {
    weight: 4,
    arbitrary: fc.record({ passMs: fc.constantFrom(10, 1000, 5000, 20_000, 1_000_000) })
  },
  /** The link is down while these come, one every half minute; then it is up, or stays down. */
  { weight: 4, arbitrary: fc.record({ outage: counts, up: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ faults: fc.array(fault, { minLength: 1, maxLength: 6 }) }) },
  { weight: 1, arbitrary: fc.record({ saves: fc.array(saves, { minLength: 1, maxLength: 3 }) }) },
  {
    weight: 4,
    arbitrary: fc.constantFrom('crash', 'reload', 'gateway', 'progress', 'renew', 'drop', 'up')
  }
)

const plans = fc.record({
  seed: fc.nat(),
  steps: fc.array(step, { maxLength: 40 }),
  window: fc.record({
    frames: fc.integer({ min: 1, max: 8 }),
    bytes: fc.integer({ min: 1, max: 2000 })
  }),
  /** Until an Ack comes. */
  latencyMs: fc.constantFrom(0, 300, 2000),
  /** The last life of the agent sends in order. */
  endsInOrder: fc.boolean()
})

test('whatever fails and restarts, newest first stores each record once, in order within its lane', async () => {
  const property = fc.asyncProperty(
    plans,
    async ({ seed, steps, window, latencyMs, endsInOrder }) => {
      const clock = new ManualClock()
      const store = new LanedStore(clock)
      const gateway = new ModelGateway(clock, latencyMs)
      const random = new SeededRandom(seed)
      const log = createLog('test', 'silent')
      const dropped = new Set<string>()
      const appended: string[] = []
      const append = (counts: readonly number[]) => {
        store.append(...counts)
        const { last = 0 } = store.newest() ?? {}
        const count = counts.reduce((a, b) => a + b, 0)
        for (let seq = last - count + 1; seq <= last; seq++) appended.push(`${store.epoch}/${seq}`)
      }
      const start = async (newestFirst: boolean) => {
        const backlogAfterMs = () => (newestFirst ? 60_000 : undefined)
        const sender = new Sender({
          ...{ store, transport: gateway, clock, random, log, window },
          newestFirst: { lanes: store, backlogAfterMs, liveShare: 0.7 }
        })
        await sender.start()
        return sender
      }
      let sender = await start(true)
      for (const one of steps) {
        if (one === 'crash' || one === 'reload') {
          await sender.stop(AbortSignal.abort())
          if (one === 'crash') store.crash()
          sender = await start(true)
        } else if (one === 'gateway') gateway.restart()
        else if (one === 'progress') store.saveProgress()
        else if (one === 'renew') store.renew()
        else if (one === 'up') gateway.up = true
        else if (one === 'drop') {
          const { epoch = '', first = 0, count = 0 } = store.dropOldest()?.header ?? {}
          for (let seq = first; seq < first + count; seq++) dropped.add(`${epoch}/${seq}`)
        } else if ('append' in one) append(one.append)
        else if ('passMs' in one) await clock.advance(one.passMs)
        else if ('outage' in one) {
          gateway.up = false
          for (const count of one.outage) {
            append([count])
            await clock.advance(30_000)
          }
          gateway.up = one.up
        } else if ('faults' in one) gateway.faults.push(...one.faults)
        else store.saves.push(...one.saves)
        await clock.advance(1)
      }
      gateway.up = true
      if (endsInOrder) {
        await sender.stop(AbortSignal.abort())
        store.crash()
        sender = await start(false)
        append([1, 2])
      }
      let idle = false
      void sender.idle(new AbortController().signal).then(() => {
        idle = true
      })
      for (let i = 0; i < 200 && !idle; i++) await clock.advance(300_000)
      await sender.stop(AbortSignal.abort())

      assert.ok(idle, 'all is sent in the end')
      const stored = gateway.stored.map(({ epoch, seq }) => `${epoch}/${seq}`)
      assert.equal(new Set(stored).size, stored.length, 'nothing is stored twice')
      const wanted = new Set([...appended.filter((id) => !dropped.has(id)), ...stored])
      assert.deepEqual(new Set(stored), wanted, 'nothing is lost')
      for (const lane of [0, 1]) {
        const numbers = gateway.stored
          .filter((record) => record.lane === lane)
          .map(({ epoch, seq }) => Number.parseInt(epoch, 16) * 1e6 + seq)
        assert.deepEqual(
          numbers,
          numbers.toSorted((a, b) => a - b),
          `lane ${lane} is in order`
        )
      }
    }
  )
  await fc.assert(property, { numRuns: 300 })
})
