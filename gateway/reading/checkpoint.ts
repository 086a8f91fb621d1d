import { HeadwaterError } from '../../shared/errors.ts'
import { Fields } from '../../shared/wire/fields.ts'
import type { ShardId, ShardPosition } from '../engines/engine.ts'
import { parseHashKey } from '../engines/hash-key.ts'
import { KnownSources } from './known-sources.ts'
import type { MarkedRange } from './repeat-filter.ts'

/** How far a reader has come: what it has handed out it will not hand out again from here. */
export interface ReaderCheckpoint {
  readonly stream: string
  readonly shards: readonly ShardCheckpoint[]
}

export interface ShardCheckpoint {
  readonly shard: ShardId
  readonly next: ShardPosition
  /** Within the record at this sequence all up to this sub-sequence is done. */
  readonly skip?: { readonly sequence: string; readonly subSequence: number }
  /** Closed and read to its end. */
  readonly done: boolean
  /** Marks that repeats are known by; absent before the shard is begun and when nobody needs them. */
  readonly ranges?: readonly MarkedRange[]
}

const version = 1

/** As text, for a `CheckpointStore`. */
export function encodeCheckpoint({ stream, shards }: ReaderCheckpoint): string {
  const plain = shards.map(({ ranges, ...rest }) => ({
    ...rest,
    ...(ranges ? { ranges: ranges.map(writeRange) } : {})
  }))
  return JSON.stringify({ v: version, stream, shards: plain })
}

/** Throws `invalid` naming the field. */
export function decodeCheckpoint(text: string): ReaderCheckpoint {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new HeadwaterError('invalid', 'the checkpoint is not valid JSON', { cause })
  }
  const fields = new Fields(value, 'checkpoint')
  const found = fields.uint('v')
  if (found !== version) {
    throw new HeadwaterError(
      'invalid',
      `checkpoint: field "v" is ${found}, this program reads ${version}`
    )
  }
  return { stream: fields.text('stream'), shards: fields.array('shards').map(readShard) }
}

function readShard(value: unknown): ShardCheckpoint {
  const fields = new Fields(value, 'checkpoint: shard')
  return {
    shard: fields.text('shard'),
    next: readPosition(fields.get('next')),
    done: fields.get('done') === true,
    ...(fields.has('skip') ? { skip: readSkip(fields.get('skip')) } : {}),
    ...(fields.has('ranges') ? { ranges: fields.array('ranges').map(readRange) } : {})
  }
}

function readPosition(value: unknown): ShardPosition {
  const fields: Fields = new Fields(value, 'checkpoint: next')
  const at = fields.text('at')
  if (at === 'start' || at === 'end') return { at }
  if (at === 'time') return { at, timeMs: fields.uint('timeMs') }
  if (at === 'sequence' || at === 'after') return { at, sequence: fields.text('sequence') }
  return fields.fail('at', 'must be start, end, time, sequence or after')
}

function readSkip(value: unknown): { sequence: string; subSequence: number } {
  const fields = new Fields(value, 'checkpoint: skip')
  return { sequence: fields.text('sequence'), subSequence: fields.uint('subSequence') }
}

function writeRange({ start, end, marks, aggregates }: MarkedRange) {
  return [`${start}`, `${end}`, [...marks], [...aggregates]]
}

function readRange(value: unknown): MarkedRange {
  const [start, end, marks, aggregates] = Array.isArray(value) ? value : []
  const fields = new Fields({ start, end, marks, aggregates }, 'checkpoint: range')
  return {
    start: readHashKey(fields, 'start'),
    end: readHashKey(fields, 'end'),
    marks: new KnownSources(fields.array('marks').map(readMark)),
    aggregates: new KnownSources(fields.array('aggregates').map(readAggregate))
  }
}

function readHashKey(fields: Fields, name: 'start' | 'end'): bigint {
  return parseHashKey(fields.text(name)) ?? fields.fail(name, 'must be a hash key')
}

function readMark(value: unknown): [string, number] {
  const [source, seq] = Array.isArray(value) ? value : []
  const fields = new Fields({ source, seq }, 'checkpoint: mark')
  return [fields.text('source'), fields.uint('seq')]
}

function readAggregate(value: unknown): [string, string] {
  const [source, digest] = Array.isArray(value) ? value : []
  const fields = new Fields({ source, digest }, 'checkpoint: aggregate')
  return [fields.text('source'), fields.text('digest')]
}
