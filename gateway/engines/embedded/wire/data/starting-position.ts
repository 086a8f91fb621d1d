import type { ShardPosition } from '../../../engine.ts'
import { decodeSequence } from '../../../sequence-number.ts'
import { shardIdOf } from '../../../shard-id.ts'
import type { ShardRow } from '../../shard-table.ts'
import { accountId } from '../wire-context.ts'
import { WireError } from '../wire-error.ts'

export const positionTypes = [
  'AT_SEQUENCE_NUMBER',
  'AFTER_SEQUENCE_NUMBER',
  'TRIM_HORIZON',
  'LATEST',
  'AT_TIMESTAMP'
] as const

/** Where a client wants to begin to read a shard. */
interface PositionRequest {
  readonly type: (typeof positionTypes)[number]
  readonly sequence: string | undefined
  readonly time: Date | undefined
}

/** The place that is meant; `nowMs` is wall time. Throws `InvalidArgumentException`. */
export function startingPosition(
  { type, sequence, time }: PositionRequest,
  {
    row,
    stream,
    nowMs
  }: { readonly row: ShardRow; readonly stream: string; readonly nowMs: number }
): ShardPosition {
  const bySequence = type === 'AT_SEQUENCE_NUMBER' || type === 'AFTER_SEQUENCE_NUMBER'
  if (bySequence !== (sequence !== undefined)) throw mismatch(type, sequence)
  if (sequence !== undefined) {
    requireOwn(sequence, row, stream)
    return { at: type === 'AT_SEQUENCE_NUMBER' ? 'sequence' : 'after', sequence }
  }
  if (type === 'AT_TIMESTAMP') return { at: 'time', timeMs: timeOf(time, nowMs) }
  return { at: type === 'LATEST' ? 'end' : 'start' }
}

function mismatch(type: string, sequence: string | undefined): WireError {
  return new WireError(
    'InvalidArgumentException',
    'Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and StartingSequenceNumber ' +
      'or (2) TRIM_HORIZON or LATEST and no StartingSequenceNumber. ' +
      `Request specified ${type} and ${sequence === undefined ? 'no' : 'also a'} StartingSequenceNumber.`
  )
}

function requireOwn(sequence: string, row: ShardRow, stream: string): void {
  const shard = shardIdOf(row.index)
  const parts = decodeSequence(sequence)
  const where = `StartingSequenceNumber ${sequence} used in GetShardIterator on shard ${shard} in stream ${stream} under account ${accountId} is invalid`
  if (!parts) throw new WireError('InvalidArgumentException', `${where}.`)
  if (parts.shardIndex !== row.index) {
    throw new WireError(
      'InvalidArgumentException',
      `Invalid StartingSequenceNumber. It encodes ${shardIdOf(parts.shardIndex)}, while it was used in a call to a shard with ${shard}`
    )
  }
  if (parts.shardCreatedSeconds !== row.createdSeconds) {
    throw new WireError(
      'InvalidArgumentException',
      `${where} because it did not come from this stream.`
    )
  }
}

function timeOf(time: Date | undefined, nowMs: number): number {
  if (!time) {
    throw new WireError(
      'InvalidArgumentException',
      'Must specify timestampMillis parameter for iterator of type AT_TIMESTAMP. Current request has no timestamp parameter.'
    )
  }
  const timeMs = time.getTime()
  if (timeMs <= nowMs) return timeMs
  throw new WireError(
    'InvalidArgumentException',
    `The timestampMillis parameter cannot be greater than the currentTimestampMillis. timestampMillis: ${timeMs}, currentTimestampMillis: ${nowMs}`
  )
}
