import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { BytePool } from '../../../shared/byte-pool.ts'
import type { Turn } from '../../../gateway/admission/source-turns.ts'
import { Turns } from '../../../gateway/admission/turns.ts'
import { HeadwaterError } from '../../../shared/errors.ts'
import { ManualClock, settle } from '../../support/manual-clock.ts'

interface SetupOptions {
  readonly maxSources?: number
  readonly maxEarly?: number
  readonly waitingBytes?: number
}

function setup(options: SetupOptions = {}) {
  const clock = new ManualClock()
  const waiting = new BytePool({
    maxBytes: options.waitingBytes ?? 1000,
    waitMs: 0,
    maxWaiting: 0,
    clock
  })
  const turns = new Turns({
    earlyWaitMs: 200,
    maxEarly: options.maxEarly ?? 4,
    maxSources: options.maxSources ?? 100,
    waiting,
    clock
  })
  return { clock, turns, waiting }
}

/** A batch whose records land when `land` is called, and what was taken of it. */
function batch(first: number, last: number, fields: Partial<Turn> = {}) {
  const taken: number[] = []
  let land = () => {}
  let lose = (_error: Error) => {}
  const durable = new Promise<void>((resolve, reject) => {
    land = resolve
    lose = reject
  })
  const turn: Turn = {
    first,
    last,
    prev: first - 1,
    floor: 0,
    bytes: 10,
    take: (from) => {
      taken.push(from)
      return durable
    },
    ...fields
  }
  return { turn, taken, land: () => land(), lose: (error: Error) => lose(error) }
}

/** Settles to `ok …` or to the code of the refusal. */
function outcome(settled: Promise<{ through: number; repeats: number }>): Promise<string> {
  return settled.then(
    ({ through, repeats }) => `ok through ${through}, ${repeats} repeats`,
    (error: HeadwaterError) => error.code
  )
}

test('a batch is taken at once when the one before it was taken, though that is not durable yet', async () => {
  const { turns } = setup()
  const one = batch(1, 5)
  const two = batch(6, 9)
  const first = outcome(turns.pass('s', one.turn))
  const second = outcome(turns.pass('s', two.turn))
  assert.deepEqual([one.taken, two.taken], [[1], [6]])
  one.land()
  assert.equal(await first, 'ok through 5, 0 repeats')
  two.land()
  assert.equal(await second, 'ok through 9, 0 repeats')
})

test('through does not pass records that are not durable, in whatever order batches become so', async () => {
  const { turns } = setup()
  const one = batch(1, 5)
  const two = batch(6, 9)
  const first = outcome(turns.pass('s', one.turn))
  const second = outcome(turns.pass('s', two.turn))
  two.land()
  assert.equal(await second, 'ok through 0, 0 repeats')
  one.land()
  assert.equal(await first, 'ok through 9, 0 repeats')
})

test('an early batch waits for its predecessor and is taken behind it', async () => {
  const { turns, waiting } = setup()
  const one = batch(1, 5)
  const two = batch(6, 9)
  const second = outcome(turns.pass('s', two.turn))
  assert.deepEqual(two.taken, [])
  assert.equal(waiting.usedBytes, 10)
  const first = outcome(turns.pass('s', one.turn))
  assert.deepEqual(two.taken, [6])
  assert.equal(waiting.usedBytes, 0)
  one.land()
  assert.equal(await first, 'ok through 5, 0 repeats')
  two.land()
  assert.equal(await second, 'ok through 9, 0 repeats')
})

test('early batches are taken in order, however they came', async () => {
  const { turns } = setup()
  const order: number[] = []
  const turn = (first: number) =>
    batch(first, first, {
      take: async () => {
        order.push(first)
      }
    }).turn
  const all = [3, 4, 2, 1].map((first) => outcome(turns.pass('s', turn(first))))
  await Promise.all(all)
  assert.deepEqual(order, [1, 2, 3, 4])
})

test('an early batch is out of order when its predecessor has not come after 200 ms', async () => {
  const { clock, turns, waiting } = setup()
  const two = batch(6, 9)
  let answer = ''
  void outcome(turns.pass('s', two.turn)).then((text) => {
    answer = text
  })
  await clock.advance(199)
  assert.equal(answer, '')
  await clock.advance(1)
  assert.equal(answer, 'out_of_order')
  assert.deepEqual(two.taken, [])
  assert.equal(waiting.usedBytes, 0)
})

test('at most maxEarly batches of a source wait, and no more bytes than the pool has', async () => {
  const { turns, clock } = setup({ maxEarly: 2, waitingBytes: 25 })
  const waiting = [3, 5].map((first) => outcome(turns.pass('s', batch(first, first).turn)))
  assert.equal(await outcome(turns.pass('s', batch(7, 7).turn)), 'out_of_order')
  assert.equal(await outcome(turns.pass('other', batch(7, 7).turn)), 'out_of_order')
  await clock.advance(200)
  assert.deepEqual(await Promise.all(waiting), ['out_of_order', 'out_of_order'])
})

test('a batch of a source that is not known is in turn at its floor and early above it', async () => {
  const { turns, clock } = setup()
  const early = outcome(turns.pass('s', batch(20, 29, { floor: 10 }).turn))
  await clock.advance(200)
  assert.equal(await early, 'out_of_order')
  const oldest = batch(10, 19, { floor: 10 })
  oldest.land()
  assert.equal(await outcome(turns.pass('s', oldest.turn)), 'ok through 19, 0 repeats')
  const next = batch(20, 29, { floor: 10 })
  next.land()
  assert.equal(await outcome(turns.pass('s', next.turn)), 'ok through 29, 0 repeats')
})

test('a floor above what was taken closes the gap that the sender gave up', async () => {
  const { turns } = setup()
  const later = batch(50, 59, { prev: 40, floor: 50 })
  later.land()
  assert.equal(await outcome(turns.pass('s', later.turn)), 'ok through 59, 0 repeats')
})

test('a repeat of what is under way settles with the first and takes nothing', async () => {
  const { turns } = setup()
  const one = batch(1, 5)
  const again = batch(1, 5)
  const first = outcome(turns.pass('s', one.turn))
  let answer = ''
  const second = outcome(turns.pass('s', again.turn)).then((text) => {
    answer = text
  })
  await settle()
  assert.equal(answer, '')
  one.land()
  await second
  assert.equal(answer, 'ok through 5, 5 repeats')
  assert.equal(await first, 'ok through 5, 0 repeats')
  assert.deepEqual(again.taken, [])
})

test('a repeat of what is settled is answered at once', async () => {
  const { turns } = setup()
  const one = batch(1, 5)
  one.land()
  await turns.pass('s', one.turn)
  const piece = batch(2, 3)
  assert.equal(await outcome(turns.pass('s', piece.turn)), 'ok through 5, 2 repeats')
  assert.deepEqual(piece.taken, [])
})

test('of a batch that was taken in part, only the rest is taken', async () => {
  const { turns } = setup()
  const piece = batch(1, 5)
  const whole = batch(1, 9)
  const first = outcome(turns.pass('s', piece.turn))
  const second = outcome(turns.pass('s', whole.turn))
  assert.deepEqual(whole.taken, [6])
  whole.land()
  await settle()
  piece.land()
  assert.deepEqual(await Promise.all([first, second]), [
    'ok through 9, 0 repeats',
    'ok through 9, 5 repeats'
  ])
})

test('behind a throttled batch all are out of order until it comes again', async () => {
  const { turns, clock } = setup()
  const refused = batch(1, 5, {
    take: () => {
      throw new HeadwaterError('throttled', 'over its share')
    }
  })
  assert.equal(await outcome(turns.pass('s', refused.turn)), 'throttled')
  const behind = outcome(turns.pass('s', batch(6, 9).turn))
  await clock.advance(200)
  assert.equal(await behind, 'out_of_order')
  const again = batch(1, 5)
  again.land()
  assert.equal(await outcome(turns.pass('s', again.turn)), 'ok through 5, 0 repeats')
})

test('an early batch whose turn comes and is throttled says so', async () => {
  const { turns } = setup()
  const early = outcome(
    turns.pass(
      's',
      batch(6, 9, {
        take: () => {
          throw new HeadwaterError('throttled', 'over its share')
        }
      }).turn
    )
  )
  const one = batch(1, 5)
  one.land()
  await turns.pass('s', one.turn)
  assert.equal(await early, 'throttled')
})

test('records that were lost before they were durable are taken again when they come again', async () => {
  const { turns } = setup()
  const one = batch(1, 5)
  const first = outcome(turns.pass('s', one.turn))
  one.lose(new HeadwaterError('unavailable', 'stopped'))
  assert.equal(await first, 'unavailable')
  const again = batch(1, 5)
  again.land()
  await turns.pass('s', again.turn)
  assert.deepEqual(again.taken, [1])
})

test('the idle source that was silent longest is forgotten at maxSources, one under way never', async () => {
  const { turns } = setup({ maxSources: 2 })
  const held = batch(1, 1)
  const first = outcome(turns.pass('held', held.turn))
  const pass = async (source: string) => {
    const one = batch(1, 1)
    one.land()
    await turns.pass(source, one.turn)
    return one.taken.length
  }
  assert.equal(await pass('a'), 1)
  assert.equal(await pass('b'), 1)
  assert.equal(turns.sources, 2)
  assert.equal(turns.forgotten, 1)
  const other = batch(1, 1)
  const second = outcome(turns.pass('a', other.turn))
  assert.equal(await outcome(turns.pass('c', batch(1, 1).turn)), 'unavailable')
  held.land()
  other.land()
  assert.deepEqual(await Promise.all([first, second]), [
    'ok through 1, 0 repeats',
    'ok through 1, 0 repeats'
  ])
})

/** What the network does to the batches of one sender, step by step. */
type Step =
  | { readonly does: 'send' | 'land' | 'wait' | 'restart' }
  | { readonly does: 'repeat' | 'early' | 'half'; readonly at: number }
  | { readonly does: 'throttle'; readonly on: boolean }

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.constant({ does: 'send' as const }) },
  { weight: 4, arbitrary: fc.constant({ does: 'land' as const }) },
  { weight: 3, arbitrary: fc.record({ does: fc.constant('repeat' as const), at: fc.nat(9) }) },
  { weight: 2, arbitrary: fc.record({ does: fc.constant('half' as const), at: fc.nat(9) }) },
  { weight: 2, arbitrary: fc.record({ does: fc.constant('early' as const), at: fc.nat(9) }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('throttle' as const), on: fc.boolean() }) },
  { weight: 1, arbitrary: fc.constant({ does: 'wait' as const }) },
  { weight: 1, arbitrary: fc.constant({ does: 'restart' as const }) }
)

/** A sender of ten batches, a gateway that may be killed, and the disk that outlives it. */
class Model {
  readonly stored: number[] = []
  readonly sizes: readonly number[]
  readonly acked = new Set<number>()
  clock = new ManualClock()
  turns = setup().turns
  throttled = false
  #mark = 0
  #pending: (() => void)[] = []
  #life = 0

  constructor(sizes: readonly number[]) {
    this.sizes = sizes
    this.restart()
  }

  restart(): void {
    const { clock, turns } = setup({ maxEarly: 20 })
    this.clock = clock
    this.turns = turns
    this.#pending = []
    this.#life += 1
    this.#mark = this.stored.at(-1) ?? 0
  }

  firstOf(at: number): number {
    return 1 + this.sizes.slice(0, at).reduce((sum, one) => sum + one, 0)
  }

  oldest(): number {
    for (let at = 0; at < this.sizes.length; at++) if (!this.acked.has(at)) return at
    return this.sizes.length
  }

  /** Sends batch `at` with its header as of now; a batch that is acked is a copy the network made. */
  send(at: number, part: 'whole' | 'half' = 'whole'): void {
    const size = this.sizes[at]
    if (size === undefined) return
    const first = this.firstOf(at)
    const last = first + (part === 'half' ? Math.ceil(size / 2) : size) - 1
    const life = this.#life
    const floor = Math.min(first, this.firstOf(this.oldest()))
    const turn: Turn = {
      first,
      last,
      prev: first - 1,
      floor,
      bytes: 1,
      take: (from) => this.#take(from, last)
    }
    this.turns.pass('s', turn).then(
      () => {
        if (life === this.#life && part === 'whole') this.acked.add(at)
      },
      () => {}
    )
  }

  land(): void {
    this.#pending.shift()?.()
  }

  #take(from: number, last: number): Promise<void> {
    if (this.throttled) throw new HeadwaterError('throttled', 'over its share')
    return new Promise((resolve) => {
      this.#pending.push(() => {
        for (let seq = Math.max(from, this.#mark + 1); seq <= last; seq++) this.stored.push(seq)
        resolve()
      })
    })
  }
}

async function play(model: Model, steps: readonly Step[]): Promise<void> {
  for (const one of steps) {
    if (one.does === 'send') model.send(model.oldest())
    if (one.does === 'early') model.send(model.oldest() + one.at)
    if (one.does === 'half') model.send(Math.min(one.at, model.oldest()), 'half')
    if (one.does === 'repeat') model.send(Math.min(one.at, model.oldest()))
    if (one.does === 'land') model.land()
    if (one.does === 'throttle') model.throttled = one.on
    if (one.does === 'wait') await model.clock.advance(200)
    if (one.does === 'restart') model.restart()
    await settle(1)
    for (const at of model.acked) {
      const last = model.firstOf(at) + (model.sizes[at] ?? 0) - 1
      assert.ok(model.stored.includes(last), `batch ${at} was acked and is not durable`)
    }
  }
}

test('whatever comes twice, early, throttled or across restarts, each record is stored once, in order', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 8 }),
      fc.array(step, { maxLength: 40 }),
      async (sizes, steps) => {
        const model = new Model(sizes)
        await play(model, steps)
        model.throttled = false
        for (let round = 0; model.oldest() < sizes.length && round < 100; round++) {
          model.send(model.oldest())
          await settle(1)
          for (let i = 0; i < 60; i++) model.land()
          await settle(1)
        }
        const total = sizes.reduce((sum, one) => sum + one, 0)
        assert.deepEqual(
          model.stored,
          Array.from({ length: total }, (_, i) => i + 1)
        )
      }
    ),
    { numRuns: 150 }
  )
})
