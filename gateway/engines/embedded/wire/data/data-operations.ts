import type { Operations } from '../operation.ts'
import type { WireContext } from '../wire-context.ts'
import { getRecords } from './get-records.ts'
import { getShardIterator } from './get-shard-iterator.ts'
import { listShards } from './list-shards.ts'
import { putRecord } from './put-record.ts'
import { putRecords } from './put-records.ts'
import { RecordPutter } from './record-putter.ts'
import { ShardIterators } from './shard-iterators.ts'
import { ShardLimits } from './shard-limits.ts'

/** What writes and reads records, and tells where they are. */
export function dataOperations(context: WireContext): Operations {
  const { engine, clock, random, spareBytes } = context
  const limits = context.limits === 'kinesis' ? new ShardLimits(clock) : undefined
  const iterators = new ShardIterators(clock, random)
  const putter = new RecordPutter(engine, { limits, spareBytes })
  return {
    PutRecord: putRecord(engine, putter),
    PutRecords: putRecords(engine, putter),
    GetShardIterator: getShardIterator(context, iterators, limits),
    GetRecords: getRecords(engine, iterators, limits),
    ListShards: listShards(context)
  }
}
