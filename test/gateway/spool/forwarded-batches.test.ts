import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { UserRecord } from '../../../gateway/reading/reader.ts'
import { forwardedBatches } from '../../../gateway/spool/forwarded-batches.ts'
import { isOnce, onceEpochHead, sourceKey } from '../../../shared/kpl/kpl.ts'

function record(seq: number, clock?: UserRecord['clock']): UserRecord {
  return {
    stream: 's',
    shard: 'shardId-000000000000',
    sequence: '49590338271490256608559692538361571095921575989136588898',
    subSequence: seq,
    partitionKey: 'k',
    time: 1_780_000_000_000 + seq,
    arrivalMs: 0,
    aggregated: true,
    device: 'pi',
    epoch: 'a'.repeat(32),
    lane: 0,
    seq,
    clock,
    data: Buffer.from('x')
  }
}

test('what the clock of a device was worth is carried on with its records', () => {
  const records = [record(1, 'unsynced'), record(2, 'unsynced'), record(3, 'ntp'), record(4)]
  assert.deepEqual(
    forwardedBatches(records).map(({ first, records, clock }) => [
      first,
      records.lens.length,
      clock
    ]),
    [
      [1, 2, 'unsynced'],
      [3, 1, 'ntp'],
      [4, 1, undefined]
    ]
  )
})

test('a source of one batch is still one behind the spool, and two are two', () => {
  const once = (digit: string) => ({ ...record(1), epoch: onceEpochHead + digit.repeat(24) })
  const keys = forwardedBatches([once('1'), once('2'), record(1)]).map(({ source }) =>
    sourceKey(source)
  )
  assert.deepEqual(keys.map(isOnce), [true, true, false])
  assert.equal(new Set(keys).size, 3)
})
