import type { Clock } from '../../../shared/clock.ts'
import { asHeadwaterError, HeadwaterError } from '../../../shared/errors.ts'
import type { CreateOptions, Shard, ShardId, StreamAdmin, StreamDescription } from '../engine.ts'
import type { Service } from './service.ts'
import type { StreamMaps } from './stream-maps.ts'

const pollMs = 500
/** A reshard takes seconds, that of a large stream minutes. */
const patienceMs = 10 * 60_000
const hourMs = 3_600_000
const defaultRetentionHours = 24

/** Makes, deletes, splits and merges; each resolves when the stream is ACTIVE again, or gone. */
export class StreamChanges implements StreamAdmin {
  readonly #service: Service
  readonly #maps: StreamMaps
  readonly #clock: Clock

  constructor(parts: {
    readonly service: Service
    readonly maps: StreamMaps
    readonly clock: Clock
  }) {
    this.#service = parts.service
    this.#maps = parts.maps
    this.#clock = parts.clock
  }

  async create(stream: string, options: CreateOptions): Promise<void> {
    const { shards, retentionMs, maxRecordBytes } = options
    const size =
      maxRecordBytes === undefined ? {} : { MaxRecordSizeInKiB: Math.ceil(maxRecordBytes / 1024) }
    await this.#service.call(
      'CreateStream',
      (kinesis) => kinesis.createStream({ StreamName: stream, ShardCount: shards, ...size }),
      stream
    )
    await this.#settled(stream)
    const hours = Math.ceil((retentionMs ?? 0) / hourMs)
    // Kinesis keeps records for a day at least.
    if (hours <= defaultRetentionHours) return
    const retention = { StreamName: stream, RetentionPeriodHours: hours }
    await this.#service.call(
      'IncreaseStreamRetentionPeriod',
      (kinesis) => kinesis.increaseStreamRetentionPeriod(retention),
      stream
    )
    await this.#settled(stream)
  }

  async delete(stream: string): Promise<void> {
    await this.#service.call(
      'DeleteStream',
      (kinesis) => kinesis.deleteStream({ StreamName: stream }),
      stream
    )
    try {
      await this.#settled(stream)
    } catch (thrown) {
      if (asHeadwaterError(thrown).code !== 'unknown_stream') throw thrown
    }
    this.#maps.gone(stream)
  }

  async split(stream: string, shard: ShardId, at?: bigint): Promise<readonly ShardId[]> {
    const { start, end } = openShard(await this.#maps.refresh(stream), shard).range
    const key = at ?? start + (end - start + 1n) / 2n
    if (key <= start + 1n || key >= end) {
      const message = `the hash key to split ${shard} at must be above ${start + 1n} and below ${end}, not ${key}`
      throw new HeadwaterError('invalid', message)
    }
    const input = { StreamName: stream, ShardToSplit: shard, NewStartingHashKey: String(key) }
    await this.#service.call('SplitShard', (kinesis) => kinesis.splitShard(input), stream)
    return this.#childrenOf(stream, shard)
  }

  async merge(stream: string, shard: ShardId, neighbour: ShardId): Promise<ShardId> {
    const description = await this.#maps.refresh(stream)
    const one = openShard(description, shard).range
    const other = openShard(description, neighbour).range
    if (one.end + 1n !== other.start && other.end + 1n !== one.start) {
      throw new HeadwaterError('invalid', `${shard} and ${neighbour} are not neighbours`)
    }
    const input = { StreamName: stream, ShardToMerge: shard, AdjacentShardToMerge: neighbour }
    await this.#service.call('MergeShards', (kinesis) => kinesis.mergeShards(input), stream)
    const [child = ''] = await this.#childrenOf(stream, shard)
    return child
  }

  async #childrenOf(stream: string, parent: ShardId): Promise<ShardId[]> {
    await this.#settled(stream)
    const { shards } = await this.#maps.refresh(stream)
    return shards.filter(({ parents }) => parents.includes(parent)).map(({ id }) => id)
  }

  /** Resolves when the stream is ACTIVE. Rejects with `unknown_stream` when it is gone. */
  async #settled(stream: string): Promise<void> {
    const untilMs = this.#clock.monoMs() + patienceMs
    for (;;) {
      const { StreamDescriptionSummary: summary } = await this.#service.call(
        'DescribeStreamSummary',
        (kinesis) => kinesis.describeStreamSummary({ StreamName: stream }),
        stream
      )
      if (summary?.StreamStatus === 'ACTIVE') return
      if (this.#clock.monoMs() > untilMs) {
        const message = `stream "${stream}" is still ${summary?.StreamStatus} after ${patienceMs / 60_000} minutes; the change goes on at the service`
        throw new HeadwaterError('unavailable', message)
      }
      await this.#clock.sleep(pollMs)
    }
  }
}

function openShard({ stream, shards }: StreamDescription, id: ShardId): Shard {
  const shard = shards.find((one) => one.id === id)
  if (!shard) throw new HeadwaterError('not_found', `no shard ${id} in stream "${stream}"`)
  if (!shard.open) throw new HeadwaterError('conflict', `${id} is closed already`)
  return shard
}
