import { ColumnsBuilder } from '../../shared/columns-builder.ts'
import { asHeadwaterError, HeadwaterError } from '../../shared/errors.ts'
import type { SequenceSource } from '../../shared/kpl/kpl.ts'
import { isPartitionKey, type RecordColumns } from '../../shared/record.ts'
import type { StreamEngine } from '../engines/engine.ts'
import { Router } from '../sharding/router.ts'
import type { Taken } from '../sharding/sharding.ts'
import type { StreamContext } from './context.ts'
import { plainLog } from './plain-log.ts'
import type { LineWriter } from './stream-place.ts'

interface KinesisWriterOptions {
  readonly stream: string
  readonly context: StreamContext
  readonly key?: string
  readonly plain: boolean
}

const writerName = 'headwater-stream'
/** What is not durable by then is given up. */
const patienceMs = 2 * 60_000
const memory = { laneShareBytes: 32 * 1024 * 1024, maxBytes: 64 * 1024 * 1024 }

/** Writes batches in order, through lanes as a gateway does; each is durable before the next. */
export class KinesisWriter implements LineWriter {
  readonly #options: KinesisWriterOptions
  readonly #engine: StreamEngine
  readonly #source: SequenceSource
  readonly #router: Router
  readonly #refused: string[] = []
  /** Numbers count from 1. */
  #next = 1
  #written = 0

  constructor(engine: StreamEngine, options: KinesisWriterOptions) {
    const { key, plain, context } = options
    if (key !== undefined && !isPartitionKey(key)) {
      throw new HeadwaterError('config', '--key must be 1 to 256 characters')
    }
    this.#engine = engine
    this.#options = options
    this.#source = { device: writerName, epoch: context.random.bytes(16).toString('hex'), lane: 0 }
    this.#router = new Router({
      ...context,
      ...memory,
      engine,
      log: plainLog(context.stderr),
      // Nothing comes beside the batch that is waited for.
      lingerMs: 0,
      maxAggregateBytes: 1024 * 1024,
      maxSources: 1,
      aggregation: () => (plain ? 'off' : 'kpl'),
      onDeadLetter: async ({ message }) => {
        this.#refused.push(message)
      }
    })
  }

  get written(): number {
    return this.#written
  }

  async write(data: readonly Buffer[]): Promise<void> {
    const { stream } = this.#options
    // First, because it says best what is wrong.
    await this.#engine.describe(stream)
    await this.#router.prepare(stream, this.#source)
    const records = this.#columns(data)
    const { durable } = this.#take(records)
    await this.#waitFor(durable)
    this.#written += data.length - this.#refused.length
    const [message] = this.#refused
    if (message === undefined) return
    const refused = `${this.#refused.length} records refused: ${message}`
    throw new HeadwaterError('invalid', `${refused} (${this.#written} were written)`)
  }

  #columns(data: readonly Buffer[]): RecordColumns {
    const { stream, key = writerName, context } = this.#options
    const maxBytes = this.#router.maxRecordBytes(stream) - Buffer.byteLength(key)
    const builder = new ColumnsBuilder({ partitionKey: key, time: context.clock.wallMs() })
    for (const one of data) {
      if (one.length > maxBytes) {
        const message = `a record of ${one.length} bytes; the stream takes up to ${maxBytes} with this key (${this.#written} were written)`
        throw new HeadwaterError('too_large', message)
      }
      builder.add(one)
    }
    return builder.build()
  }

  #take(records: RecordColumns): Taken {
    const first = this.#next
    this.#next += records.lens.length
    const { stream } = this.#options
    const source = this.#source
    return this.#router.take({ stream, records, source, first, offsetMs: 0, repeatable: false })
  }

  async #waitFor(durable: Promise<void>): Promise<void> {
    const { clock, signal } = this.#options.context
    const done = new AbortController()
    const patience = clock.sleep(patienceMs, AbortSignal.any([signal, done.signal])).then(() => {
      if (done.signal.aborted) return
      const why = signal.aborted ? 'interrupted' : `not durable after ${patienceMs / 1000} s`
      const message = `${why}; of the batch behind ${this.#written} records nothing is known`
      throw new HeadwaterError('unavailable', message)
    })
    try {
      await Promise.race([durable, patience])
    } catch (thrown) {
      durable.catch(() => undefined)
      await this.#router.stop(AbortSignal.abort())
      throw asHeadwaterError(thrown)
    } finally {
      done.abort()
    }
  }
}
