import { HeadwaterError } from '../../shared/errors.ts'
import { descriptionJson } from '../engines/description-json.ts'
import type { ShardId } from '../engines/engine.ts'
import { parseHashKey } from '../engines/hash-key.ts'
import { KinesisEngine, type KinesisEngineOptions } from '../engines/kinesis/kinesis-engine.ts'
import { decodedLine, parseReadFrom, plainLine, readStream } from '../reading/reader.ts'
import type { StreamContext } from './context.ts'
import { KinesisWriter } from './kinesis-writer.ts'
import type {
  CreateChoices,
  LineWriter,
  ReadChoices,
  StreamPlace,
  WriteChoices
} from './stream-place.ts'

/** The streams of a Kinesis, asked directly. */
export class KinesisPlace implements StreamPlace {
  readonly #engine: KinesisEngine
  readonly #context: StreamContext

  private constructor(engine: KinesisEngine, context: StreamContext) {
    this.#engine = engine
    this.#context = context
  }

  static async open(options: KinesisEngineOptions, context: StreamContext): Promise<KinesisPlace> {
    const engine = new KinesisEngine(options)
    await engine.start(context.signal)
    return new KinesisPlace(engine, context)
  }

  list(): Promise<readonly string[]> {
    return this.#engine.streams()
  }

  create(stream: string, { shards, retentionHours }: CreateChoices): Promise<void> {
    const retention =
      retentionHours === undefined ? {} : { retentionMs: retentionHours * 3_600_000 }
    return this.#engine.create(stream, { shards, ...retention })
  }

  async describe(stream: string): Promise<unknown> {
    return descriptionJson(await this.#engine.describe(stream))
  }

  delete(stream: string): Promise<void> {
    return this.#engine.delete(stream)
  }

  split(stream: string, shard: ShardId, at?: string): Promise<readonly ShardId[]> {
    return this.#engine.split(stream, shard, at === undefined ? undefined : hashKey(at))
  }

  async merge(stream: string, shard: ShardId, neighbour: ShardId): Promise<readonly ShardId[]> {
    return [await this.#engine.merge(stream, shard, neighbour)]
  }

  write(stream: string, options: WriteChoices): LineWriter {
    return new KinesisWriter(this.#engine, { ...options, stream, context: this.#context })
  }

  async *read(stream: string, options: ReadChoices): AsyncIterable<readonly Buffer[]> {
    const { from, decode, ...rest } = options
    const line = decode ? decodedLine : plainLine
    const batches = readStream(this.#engine, { ...rest, stream, from: parseReadFrom(from) })
    for await (const records of batches) {
      if (records.length > 0) yield records.map((one) => Buffer.from(line(one).trimEnd()))
    }
  }

  close(): Promise<void> {
    return this.#engine.stop()
  }
}

function hashKey(text: string): bigint {
  const key = parseHashKey(text)
  if (key !== undefined) return key
  throw new HeadwaterError('config', '--at must be a hash key: 0 to 2^128 - 1')
}
