/** Where streams are: behind a gateway, or in a Kinesis that is asked directly. */
export interface StreamPlace {
  list(): Promise<readonly string[]>
  create(stream: string, options: CreateChoices): Promise<void>
  /** In the form of the gateway's `GET /v1/streams/<stream>`. */
  describe(stream: string): Promise<unknown>
  delete(stream: string): Promise<void>
  /** Resolves with the names of the children, as `merge` does. */
  split(stream: string, shard: string, at?: string): Promise<readonly string[]>
  merge(stream: string, shard: string, neighbour: string): Promise<readonly string[]>
  write(stream: string, options: WriteChoices): LineWriter
  /** Records as lines of JSON without their ends, as many at a time as came together. */
  read(stream: string, options: ReadChoices): AsyncIterable<readonly Buffer[]>
  close(): Promise<void>
}

export interface CreateChoices {
  readonly shards: number
  readonly retentionHours?: number
}

export interface WriteChoices {
  readonly key?: string
  /** One stream record each, without identity, for consumers that do not de-aggregate. */
  readonly plain: boolean
}

export interface ReadChoices {
  readonly from: string
  readonly shard?: string
  readonly follow: boolean
  readonly limit?: number
  readonly decode: boolean
  readonly signal: AbortSignal
}

/** Writes batches of records, one after the other. */
export interface LineWriter {
  /** Records that are durable. */
  readonly written: number
  /** Resolves when all are durable. Rejects when some were refused for good, or with what is in the way. */
  write(records: readonly Buffer[]): Promise<void>
}
