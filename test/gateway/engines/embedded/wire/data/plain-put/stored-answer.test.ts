import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { encodeSequenceAt } from '../../../../../../../gateway/engines/sequence-number.ts'
import { shardIdOf } from '../../../../../../../gateway/engines/shard-id.ts'
import { storedAnswer } from '../../../../../../../gateway/engines/embedded/wire/data/plain-put/stored-answer.ts'

const seconds = fc.integer({ min: 0, max: 2 ** 36 - 1 })
const parts = fc.record({
  shardCreatedSeconds: seconds,
  shardIndex: fc.nat(1_000_000),
  index: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
  timeSeconds: seconds
})

test('the records of a run get the numbers that follow its first, whatever digits they carry', () => {
  const runs = fc.array(parts, { minLength: 1, maxLength: 3 })
  const order = fc.array(fc.nat(), { minLength: 1, maxLength: 30 })
  fc.assert(
    fc.property(runs, order, (list, picks) => {
      const runOf = picks.map((pick) => pick % list.length)
      const stored = list.map((one) => ({
        status: 'stored' as const,
        shard: shardIdOf(one.shardIndex),
        sequence: encodeSequenceAt(one)(0)
      }))
      const counts = list.map(() => 0)
      const Records = runOf.map((run) => {
        const one = list[run]
        assert.ok(one)
        const offset = counts[run] ?? 0
        counts[run] = offset + 1
        return { SequenceNumber: encodeSequenceAt(one)(offset), ShardId: shardIdOf(one.shardIndex) }
      })
      assert.equal(
        storedAnswer(stored, runOf, 'NONE').toString(),
        JSON.stringify({ FailedRecordCount: 0, Records, EncryptionType: 'NONE' })
      )
    })
  )
})
