import { HeadwaterError } from '../../shared/errors.ts'
import { Fields } from '../../shared/wire/fields.ts'
import type { StreamContext } from './context.ts'
import type { GatewayClient } from './gateway-client.ts'
import { GatewayWriter } from './gateway-writer.ts'
import { LineSplitter } from './line-splitter.ts'
import type {
  CreateChoices,
  LineWriter,
  ReadChoices,
  StreamPlace,
  WriteChoices
} from './stream-place.ts'

/** The streams of a gateway, over its HTTP interface. */
export class GatewayPlace implements StreamPlace {
  readonly #client: GatewayClient
  readonly #context: StreamContext

  constructor(client: GatewayClient, context: StreamContext) {
    this.#client = client
    this.#context = context
  }

  async list(): Promise<readonly string[]> {
    const answer = await this.#client.ask('/v1/streams')
    return new Fields(answer, 'answer').array('streams').map(String)
  }

  async create(stream: string, options: CreateChoices): Promise<void> {
    await this.#client.send('/v1/streams', { name: stream, ...options })
  }

  describe(stream: string): Promise<unknown> {
    return this.#client.ask(streamPath(stream))
  }

  async delete(stream: string): Promise<void> {
    await this.#client.ask(streamPath(stream), { method: 'DELETE' })
  }

  async split(stream: string, shard: string, at?: string): Promise<readonly string[]> {
    return shardsOf(await this.#client.send(`${streamPath(stream)}/split`, { shard, at }))
  }

  async merge(stream: string, shard: string, neighbour: string): Promise<readonly string[]> {
    return shardsOf(await this.#client.send(`${streamPath(stream)}/merge`, { shard, neighbour }))
  }

  write(stream: string, { key, plain }: WriteChoices): LineWriter {
    if (plain) {
      const message =
        '--plain is for --endpoint; behind a gateway it is "aggregation" of the stream'
      throw new HeadwaterError('config', message)
    }
    return new GatewayWriter(this.#client, {
      context: this.#context,
      path: `${streamPath(stream)}/records`,
      key
    })
  }

  /** Rejects with `transport` when the gateway goes. */
  async *read(stream: string, options: ReadChoices): AsyncIterable<readonly Buffer[]> {
    const { signal } = options
    const path = `${streamPath(stream)}/records?${queryOf(options).toString()}`
    const body = await this.#client.open(path, { signal })
    const splitter = new LineSplitter()
    let records = 0
    try {
      for await (const chunk of body) {
        const lines = splitter.push(chunk).filter((line) => line.length > 0)
        records += lines.length
        if (lines.length > 0) yield lines
      }
    } catch (cause) {
      if (cause instanceof HeadwaterError || signal.aborted) throw cause
      const message = `the connection broke after ${records} records: ${String(cause)}; read on with --from and the time of the last one`
      throw new HeadwaterError('transport', message, { cause })
    }
  }

  async close(): Promise<void> {}
}

function streamPath(stream: string): string {
  return `/v1/streams/${encodeURIComponent(stream)}`
}

function shardsOf(answer: unknown): readonly string[] {
  return new Fields(answer, 'answer').array('shards').map(String)
}

function queryOf({ from, shard, follow, limit, decode }: ReadChoices): URLSearchParams {
  return new URLSearchParams({
    from,
    ...(shard === undefined ? {} : { shard }),
    ...(limit === undefined ? {} : { limit: String(limit) }),
    ...(follow ? { follow: 'true' } : {}),
    ...(decode ? { decode: 'true' } : {})
  })
}
