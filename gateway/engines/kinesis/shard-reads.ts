import type { GetShardIteratorInput, _Record as ServiceRecord } from '@aws-sdk/client-kinesis'
import type { Clock } from '../../../shared/clock.ts'
import { asHeadwaterError, type HeadwaterError } from '../../../shared/errors.ts'
import type { ReadRange, ReadResult, ShardId, ShardPosition, StreamRecord } from '../engine.ts'
import { CallRate } from './call-rate.ts'
import { type Continuation, ReadAhead } from './read-ahead.ts'
import type { Service } from './service.ts'
import { incompleteAnswer } from './service-error.ts'

/** GetRecords calls a second of one shard, by all its readers. */
const readsPerSecond = 5
const maxRecordsPerCall = 10_000
/** The service takes iterators for five minutes; one minute is for clocks and calls on the way. */
const iteratorLifeMs = 4 * 60_000
/**
 * How far the clocks of a machine and of the service may be apart when a reader at the end has lost
 * its iterator: it goes on at a time, where a record too many is better than a hole.
 */
const clockMarginMs = 10_000
const readAheadLimits = { count: 10_000, bytes: 64 * 1024 * 1024, maxAgeMs: iteratorLifeMs }

interface ShardOf {
  readonly stream: string
  readonly shard: ShardId
}

/** Reads of shards by position, with iterators kept from one read to the next. */
export class ShardReads {
  readonly #service: Service
  readonly #clock: Clock
  readonly #rate: CallRate
  readonly #ahead = new ReadAhead(readAheadLimits)

  constructor(service: Service, clock: Clock) {
    this.#service = service
    this.#clock = clock
    this.#rate = new CallRate(clock, readsPerSecond)
  }

  /** As `StreamEngine.read`, but rejects with `unknown_stream` also for an unknown shard. */
  async read(place: ShardOf, range: ReadRange): Promise<ReadResult> {
    const { from, maxRecords } = range
    const key = `${place.stream} ${place.shard}`
    const kept = this.#ahead.take(key, from, this.#clock.monoMs())
    const position = standing(from, this.#clock)
    const fetched =
      kept && kept.records.length > 0 ? kept : await this.#fetch(place, { from, maxRecords, kept })
    if (!fetched) return { records: [], next: position, behindMs: 1 }
    const records = fetched.records.slice(0, lengthWithin(fetched.records, range))
    const rest = { ...fetched, records: fetched.records.slice(records.length) }
    if (rest.records.length === 0 && rest.iterator === undefined) return { records, behindMs: 0 }
    const last = records.at(-1)
    const next: ShardPosition = last ? { at: 'after', sequence: last.sequence } : position
    this.#ahead.keep(key, next, rest)
    const behindMs = rest.records.length > 0 ? Math.max(1, rest.behindMs) : rest.behindMs
    return { records, next, behindMs }
  }

  /**
   * Without records, and `behindMs` above 0, when other readers use up what the shard gives;
   * undefined when it did not even give an iterator.
   */
  async #fetch(
    place: ShardOf,
    read: {
      readonly from: ShardPosition
      readonly maxRecords: number
      readonly kept: Continuation | undefined
    }
  ): Promise<Continuation | undefined> {
    const { from, maxRecords, kept } = read
    const key = `${place.stream} ${place.shard}`
    await this.#rate.turn(key)
    const fetchedAtMs = kept?.fetchedAtMs ?? this.#clock.monoMs()
    let iterator = kept?.iterator
    try {
      iterator ??= await this.#iterator(place, from)
      return await this.#records(place, iterator, maxRecords)
    } catch (thrown) {
      const error = asHeadwaterError(thrown)
      if (kept && isExpired(error)) return this.#fetch(place, { ...read, kept: undefined })
      const begun =
        iterator === undefined ? undefined : { records: [], iterator, behindMs: 1, fetchedAtMs }
      if (error.code === 'throttled') return begun
      // Another reader that begins at the end must not begin where this one did.
      if (begun && error.retryable && from.at !== 'end') this.#ahead.keep(key, from, begun)
      throw error
    }
  }

  async #records(
    { stream, shard }: ShardOf,
    iterator: string,
    maxRecords: number
  ): Promise<Continuation> {
    const fetchedAtMs = this.#clock.monoMs()
    const {
      Records,
      NextShardIterator: next,
      MillisBehindLatest: behindMs = 0
    } = await this.#service.call(
      'GetRecords',
      (kinesis) =>
        kinesis.getRecords({
          ShardIterator: iterator,
          Limit: Math.min(maxRecords, maxRecordsPerCall)
        }),
      `${stream}/${shard}`
    )
    // A missing iterator is the end of the shard, but only in an answer of the service.
    if (!Records) throw incompleteAnswer('GetRecords', 'Records', `${stream}/${shard}`)
    const records = Records.map(recordOf)
    return { records, behindMs, fetchedAtMs, ...(next === undefined ? {} : { iterator: next }) }
  }

  async #iterator({ stream, shard }: ShardOf, from: ShardPosition): Promise<string> {
    // The service refuses a time to come; nothing has arrived at or after it.
    const isAhead = from.at === 'time' && from.timeMs > this.#clock.wallMs()
    const start = iteratorOf(isAhead ? { at: 'end' } : from)
    const input = { StreamName: stream, ShardId: shard, ...start }
    const { ShardIterator } = await this.#service.call(
      'GetShardIterator',
      (kinesis) => kinesis.getShardIterator(input),
      stream
    )
    if (ShardIterator !== undefined) return ShardIterator
    throw incompleteAnswer('GetShardIterator', 'ShardIterator', stream)
  }
}

/** Where a reader stands before its first record: the end moves, so it becomes a time. */
function standing(from: ShardPosition, clock: Clock): ShardPosition {
  return from.at === 'end' ? { at: 'time', timeMs: clock.wallMs() - clockMarginMs } : from
}

function iteratorOf(
  from: ShardPosition
): Pick<GetShardIteratorInput, 'ShardIteratorType' | 'StartingSequenceNumber' | 'Timestamp'> {
  switch (from.at) {
    case 'start':
      return { ShardIteratorType: 'TRIM_HORIZON' }
    case 'end':
      return { ShardIteratorType: 'LATEST' }
    case 'time':
      return { ShardIteratorType: 'AT_TIMESTAMP', Timestamp: new Date(from.timeMs) }
    case 'sequence':
      return { ShardIteratorType: 'AT_SEQUENCE_NUMBER', StartingSequenceNumber: from.sequence }
    default:
      return { ShardIteratorType: 'AFTER_SEQUENCE_NUMBER', StartingSequenceNumber: from.sequence }
  }
}

/** How many of the first records fit; one always does. */
function lengthWithin(
  records: readonly StreamRecord[],
  { maxRecords, maxBytes }: ReadRange
): number {
  let bytes = 0
  let length = 0
  for (const { data } of records) {
    bytes += data.length
    if (length > 0 && (length >= maxRecords || bytes > maxBytes)) break
    length += 1
  }
  return length
}

function recordOf(record: ServiceRecord): StreamRecord {
  const { SequenceNumber = '', PartitionKey = '', Data, ApproximateArrivalTimestamp } = record
  const data = Data ? Buffer.from(Data.buffer, Data.byteOffset, Data.byteLength) : Buffer.alloc(0)
  const arrivalMs = ApproximateArrivalTimestamp?.getTime() ?? 0
  return { sequence: SequenceNumber, partitionKey: PartitionKey, data, arrivalMs }
}

function isExpired({ cause }: HeadwaterError): boolean {
  return cause instanceof Error && cause.name === 'ExpiredIteratorException'
}
