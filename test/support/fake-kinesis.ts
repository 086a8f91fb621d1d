import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { HeadwaterError } from '../../shared/errors.ts'
import type { PutEntry, PutOutcome, Shard, ShardPosition } from '../../gateway/engines/engine.ts'
import { cleanUp } from './cleanup.ts'
import type { FakeEngine } from './fake-engine.ts'

/** An error that the service answers with, or a connection that ends before or after the work. */
export type Trouble =
  | { readonly status: number; readonly type: string; readonly message: string }
  | 'cut'

type Fields = Record<string, unknown>

/** Shards in one page of a listing; few, so that there are several pages. */
const shardsPerPage = 2

const errorTypes: Readonly<Record<string, string>> = {
  unknown_stream: 'ResourceNotFoundException',
  not_found: 'ResourceNotFoundException',
  conflict: 'ResourceInUseException',
  invalid: 'InvalidArgumentException',
  too_large: 'ValidationException'
}

/** Kinesis over HTTP/1.1 and JSON, as far as the engine needs it; records are kept by a fake engine. */
export class FakeKinesis {
  /** Asked before each call; what it gives happens in place of the call. */
  trouble: (operation: string, input: Fields) => Trouble | undefined = () => undefined
  /** Whether a record with this hash key is over the throughput of its shard. */
  throttles: (hash: bigint) => boolean = () => false
  /** What DescribeStreamSummary says besides. */
  summary: Fields = { StreamModeDetails: { StreamMode: 'PROVISIONED' } }
  /** By how much its clock is ahead; a request signed over five minutes ago is refused. */
  aheadMs = 0
  /** Left out of listings, as a shard is that is just being made. */
  hiddenShard: string | undefined
  readonly calls: string[] = []
  readonly #engine: FakeEngine
  readonly #server = createServer((request, response) => void this.#serve(request, response))

  constructor(engine: FakeEngine) {
    this.#engine = engine
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async listen(t: TestContext): Promise<void> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    cleanUp(t, async () => {
      this.#server.close()
      this.#server.closeAllConnections()
      await once(this.#server, 'close')
    })
  }

  /** How often an operation was called. */
  count(operation: string): number {
    return this.calls.filter((one) => one === operation).length
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    try {
      for await (const chunk of request) chunks.push(chunk)
    } catch {
      return
    }
    const operation = String(request.headers['x-amz-target']).replace('Kinesis_20131202.', '')
    const input = JSON.parse(Buffer.concat(chunks).toString()) as Fields
    this.calls.push(operation)
    try {
      const trouble = this.#skew(request) ?? this.trouble(operation, input)
      response.setHeader('date', new Date(Date.now() + this.aheadMs).toUTCString())
      if (trouble === 'cut') request.socket.destroy()
      else if (trouble) answer(response, trouble.status, errorBody(trouble))
      else answer(response, 200, (await this.#run(operation, input)) ?? {})
    } catch (error) {
      const code = error instanceof HeadwaterError ? error.code : 'internal'
      const type = errorTypes[code]
      if (type) answer(response, 400, errorBody({ type, message: String(error) }))
      else request.socket.destroy()
    }
  }

  #skew(request: IncomingMessage): Trouble | undefined {
    if (this.aheadMs === 0) return undefined
    const signed = String(request.headers['x-amz-date'])
    const signedMs = Date.parse(
      signed.replace(/^(....)(..)(..)T(..)(..)(..)Z$/, '$1-$2-$3T$4:$5:$6Z')
    )
    if (Math.abs(Date.now() + this.aheadMs - signedMs) < 300_000) return undefined
    const message = `Signature expired: ${signed} is now earlier than it may be`
    return { status: 400, type: 'InvalidSignatureException', message }
  }

  async #run(operation: string, input: Fields): Promise<unknown> {
    const stream = String(input['StreamName'])
    const text = (name: string) => String(input[name])
    switch (operation) {
      case 'ListStreams':
        return { StreamNames: await this.#engine.streams(), HasMoreStreams: false }
      case 'CreateStream':
        return this.#engine.create(stream, { shards: Number(input['ShardCount']) })
      case 'DeleteStream':
        return this.#engine.delete(stream)
      case 'SplitShard':
        await this.#engine.split(stream, text('ShardToSplit'), BigInt(text('NewStartingHashKey')))
        return {}
      case 'MergeShards':
        await this.#engine.merge(stream, text('ShardToMerge'), text('AdjacentShardToMerge'))
        return {}
      case 'DescribeStreamSummary':
        await this.#engine.describe(stream)
        return {
          StreamDescriptionSummary: { StreamName: stream, StreamStatus: 'ACTIVE', ...this.summary }
        }
      case 'ListShards':
        return this.#listShards(input)
      case 'PutRecords':
        return this.#putRecords(stream, input['Records'] as Fields[])
      case 'GetShardIterator':
        return this.#iterator(stream, input)
      case 'GetRecords':
        return this.#getRecords(input)
      default:
        throw new HeadwaterError('invalid', `unknown operation ${operation}`)
    }
  }

  async #listShards(input: Fields): Promise<Fields> {
    const { StreamName, NextToken } = input
    const [stream = '', from = '0'] =
      typeof NextToken === 'string' ? NextToken.split(' ') : [String(StreamName)]
    const { shards } = await this.#engine.describe(stream)
    const to = Number(from) + shardsPerPage
    return {
      Shards: shards
        .slice(Number(from), to)
        .filter(({ id }) => id !== this.hiddenShard)
        .map(shardOf),
      ...(to < shards.length ? { NextToken: `${stream} ${to}` } : {})
    }
  }

  async #putRecords(stream: string, records: readonly Fields[]): Promise<Fields> {
    const { maxRecordBytes } = await this.#engine.describe(stream)
    const entries = records.map(entryOf)
    for (const { data, partitionKey } of entries) {
      if (data.length + Buffer.byteLength(partitionKey) <= maxRecordBytes) continue
      throw new HeadwaterError('too_large', 'a record is too large')
    }
    const isOver = entries.map(({ hashKey }) => this.throttles(hashKey))
    const taken = entries.filter((_, i) => !isOver[i])
    const outcomes = await this.#engine.put(stream, taken, new AbortController().signal)
    const throttled: PutOutcome = { status: 'throttled', message: 'Rate exceeded for shard' }
    const results = isOver.map((over) => (over ? throttled : outcomes.shift())).map(resultOf)
    return { FailedRecordCount: isOver.filter(Boolean).length, Records: results }
  }

  async #iterator(stream: string, input: Fields): Promise<Fields> {
    const shard = String(input['ShardId'])
    const wanted = positionOf(input)
    const limits = { maxRecords: 1, maxBytes: 1 }
    const { next } = await this.#engine.read(stream, shard, { from: wanted, ...limits })
    const from = wanted.at === 'end' && next ? next : wanted
    return { ShardIterator: encode({ stream, shard, from }) }
  }

  async #getRecords(input: Fields): Promise<Fields> {
    const { stream, shard, from } = decode(String(input['ShardIterator']))
    const range = { from, maxRecords: Number(input['Limit']), maxBytes: 10 * 1024 * 1024 }
    const { records, next, behindMs } = await this.#engine.read(stream, shard, range)
    return {
      Records: records.map((record) => ({
        SequenceNumber: record.sequence,
        PartitionKey: record.partitionKey,
        Data: record.data.toString('base64'),
        ApproximateArrivalTimestamp: record.arrivalMs / 1000
      })),
      MillisBehindLatest: behindMs,
      ...(next
        ? { NextShardIterator: encode({ stream, shard, from: records.length > 0 ? next : from }) }
        : {})
    }
  }
}

interface Iterator {
  readonly stream: string
  readonly shard: string
  readonly from: ShardPosition
}

function encode(iterator: Iterator): string {
  return Buffer.from(JSON.stringify(iterator)).toString('base64')
}

function decode(text: string): Iterator {
  return JSON.parse(Buffer.from(text, 'base64').toString()) as Iterator
}

function positionOf(input: Fields): ShardPosition {
  const sequence = String(input['StartingSequenceNumber'])
  switch (input['ShardIteratorType']) {
    case 'TRIM_HORIZON':
      return { at: 'start' }
    case 'LATEST':
      return { at: 'end' }
    case 'AT_TIMESTAMP':
      return { at: 'time', timeMs: Number(input['Timestamp']) * 1000 }
    case 'AT_SEQUENCE_NUMBER':
      return { at: 'sequence', sequence }
    default:
      return { at: 'after', sequence }
  }
}

function entryOf(record: Fields): PutEntry {
  return {
    shard: '',
    partitionKey: String(record['PartitionKey']),
    hashKey: BigInt(String(record['ExplicitHashKey'])),
    data: Buffer.from(String(record['Data']), 'base64'),
    marks: []
  }
}

function resultOf(outcome: PutOutcome | undefined): Fields {
  if (!outcome) return { ErrorCode: 'InternalFailure', ErrorMessage: 'no outcome' }
  if (outcome.status === 'stored') {
    return { ShardId: outcome.shard, SequenceNumber: outcome.sequence }
  }
  const code =
    outcome.status === 'throttled' ? 'ProvisionedThroughputExceededException' : 'InternalFailure'
  return { ErrorCode: code, ErrorMessage: outcome.message }
}

function shardOf({ id, range, parents, open }: Shard): Fields {
  const [parent, adjacent] = parents
  return {
    ShardId: id,
    ...(parent === undefined ? {} : { ParentShardId: parent }),
    ...(adjacent === undefined ? {} : { AdjacentParentShardId: adjacent }),
    HashKeyRange: { StartingHashKey: String(range.start), EndingHashKey: String(range.end) },
    SequenceNumberRange: {
      StartingSequenceNumber: '0',
      ...(open ? {} : { EndingSequenceNumber: '9' })
    }
  }
}

function errorBody({ type, message }: { readonly type: string; readonly message: string }): Fields {
  return { __type: type, message }
}

function answer(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' })
  response.end(JSON.stringify(body))
}
