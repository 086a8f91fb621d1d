import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  type IteratorPlace,
  ShardIterators
} from '../../../../../../gateway/engines/embedded/wire/data/shard-iterators.ts'
import { WireError } from '../../../../../../gateway/engines/embedded/wire/wire-error.ts'
import { systemRandom } from '../../../../../../shared/random.ts'
import { ManualClock } from '../../../../../support/manual-clock.ts'
import { isError } from './data-api.ts'

const plain = { noNullPrototype: true }

const place: fc.Arbitrary<IteratorPlace> = fc.record(
  {
    stream: fc.stringMatching(/^[a-zA-Z0-9_.-]{1,128}$/),
    createdMs: fc.integer({ min: 0, max: 1e15 }),
    shardIndex: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    position: fc.oneof(
      fc.record({ at: fc.constantFrom('start' as const, 'end' as const) }, plain),
      fc.record({ at: fc.constant('time' as const), timeMs: fc.integer() }, plain),
      fc.record(
        {
          at: fc.constantFrom('sequence' as const, 'after' as const),
          sequence: fc.stringMatching(/^[1-9]\d{55}$/)
        },
        plain
      )
    )
  },
  plain
)

const example: IteratorPlace = {
  stream: 's',
  createdMs: 1,
  shardIndex: 2,
  position: { at: 'start' }
}

function setup() {
  const clock = new ManualClock(1_421_889_722_000)
  return { clock, iterators: new ShardIterators(clock, systemRandom) }
}

test('an iterator gives back its place and has at most 512 characters', () => {
  const { iterators } = setup()
  fc.assert(
    fc.property(place, (one) => {
      const sealed = iterators.seal(one)
      assert.ok(sealed.length <= 512)
      assert.deepEqual(iterators.open(sealed), one)
    })
  )
})

test('an iterator with any byte changed, cut or added is refused', () => {
  const { iterators } = setup()
  const change = fc.tuple(place, fc.nat(), fc.integer({ min: 1, max: 255 }))
  fc.assert(
    fc.property(change, ([one, at, mask]) => {
      const bytes = Buffer.from(iterators.seal(one), 'base64url')
      const changed = Buffer.from(bytes)
      changed[at % bytes.length] = (bytes[at % bytes.length] as number) ^ mask
      for (const bad of [
        changed,
        bytes.subarray(0, at % bytes.length),
        Buffer.concat([bytes, changed])
      ]) {
        assert.throws(() => iterators.open(bad.toString('base64url')), WireError)
      }
    })
  )
})

test('what is no iterator is an invalid argument', () => {
  const { iterators } = setup()
  for (const text of ['x', '*', 'AAAAAAAAAAEx', Buffer.alloc(100).toString('base64')]) {
    assert.throws(
      () => iterators.open(text),
      isError('InvalidArgumentException', 'Invalid ShardIterator.')
    )
  }
})

test('an iterator of another life has expired', () => {
  const [one, other] = [setup(), setup()]
  const sealed = one.iterators.seal(example)
  assert.throws(() => other.iterators.open(sealed), isError('ExpiredIteratorException'))
})

test('an iterator lives for 300 seconds, whatever the wall clock does', async () => {
  const { clock, iterators } = setup()
  const sealed = iterators.seal(example)
  clock.jumpWall(1_421_889_722_000 + 1e9)
  await clock.advance(300_000)
  assert.deepEqual(iterators.open(sealed), example)
  clock.jumpWall(1_421_890_022_000)
  await clock.advance(1000)
  assert.throws(
    () => iterators.open(sealed),
    isError(
      'ExpiredIteratorException',
      'Iterator expired. The iterator was created at time Thu Jan 22 01:22:02 UTC 2015 while right now it is Thu Jan 22 01:27:03 UTC 2015 which is further in the future than the tolerated delay of 300000 milliseconds.'
    )
  )
})
