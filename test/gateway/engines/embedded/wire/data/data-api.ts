import type { TestContext } from 'node:test'
import assert from 'node:assert/strict'
import { pino } from 'pino'
import type { EmbeddedEngine } from '../../../../../../gateway/engines/embedded/embedded-engine.ts'
import { dataOperations } from '../../../../../../gateway/engines/embedded/wire/data/data-operations.ts'
import type {
  Call,
  Operations,
  WireObject
} from '../../../../../../gateway/engines/embedded/wire/operation.ts'
import type { WireContext } from '../../../../../../gateway/engines/embedded/wire/wire-context.ts'
import {
  WireError,
  type WireErrorType
} from '../../../../../../gateway/engines/embedded/wire/wire-error.ts'
import { systemRandom } from '../../../../../../shared/random.ts'
import { ManualClock } from '../../../../../support/manual-clock.ts'
import { tempDir } from '../../../../../support/temp-dir.ts'
import { runningEngine } from '../../running-engine.ts'

interface Shape {
  readonly shards?: number
  readonly maxRecordBytes?: number
  readonly limits?: WireContext['limits']
  readonly spareBytes?: number
}

export interface DataApi {
  readonly engine: EmbeddedEngine
  readonly clock: ManualClock
  /** The answer, read as what the test expects it to be. */
  readonly call: <T extends object = WireObject>(operation: string, input: unknown) => Promise<T>
}

/** With the way of a body that is not parsed. */
export interface PlainDataApi extends DataApi {
  /** As `call`, of a body of PutRecords in JSON that goes the short way; undefined where it does not. */
  readonly putPlain: (body: object, call?: Partial<Call>) => Promise<PutAnswer | undefined>
}

interface RecordAnswer {
  readonly SequenceNumber: string
  readonly Data: Buffer
  readonly PartitionKey: string
  readonly ApproximateArrivalTimestamp: Date
  readonly EncryptionType: string
}

export interface RecordsAnswer {
  readonly Records: readonly RecordAnswer[]
  readonly NextShardIterator?: string
  readonly MillisBehindLatest: number
  readonly ChildShards?: readonly { readonly ShardId: string }[]
}

export interface PlaceAnswer {
  readonly ShardId: string
  readonly SequenceNumber: string
  readonly EncryptionType: string
}

export interface PutAnswer {
  readonly FailedRecordCount: number
  readonly EncryptionType: string
  readonly Records: readonly {
    readonly ShardId?: string
    readonly SequenceNumber?: string
    readonly ErrorCode?: string
    readonly ErrorMessage?: string
  }[]
}

/** The data operations over an engine with a stream `s`. */
export async function dataApi(
  t: TestContext,
  { shards = 1, limits = 'none', spareBytes = 0, ...options }: Shape = {}
): Promise<PlainDataApi> {
  const clock = new ManualClock()
  const engine = await runningEngine(t, await tempDir(t), { clock })
  await engine.create('s', { shards, ...options })
  const parts = { engine, clock, limits, spareBytes }
  return { engine, clock, call: caller(parts), putPlain: plainCaller(parts) }
}

type Parts = Pick<WireContext, 'engine' | 'clock' | 'limits' | 'spareBytes'>

function operationsOf(parts: Parts): Operations {
  return dataOperations({ ...parts, log: pino({ level: 'silent' }), random: systemRandom })
}

function plainCaller(parts: Parts): PlainDataApi['putPlain'] {
  const { PutRecords } = operationsOf(parts)
  return async (body, call) => {
    const bytes = Buffer.from(JSON.stringify(body))
    const answer = PutRecords?.answerPlain?.(bytes, { ...callOf('PutRecords'), ...call })
    return answer && JSON.parse(String(await answer))
  }
}

function callOf(operation: string): Call {
  const signal = new AbortController().signal
  return { operation, region: 'us-east-1', signal, isOver: false }
}

/** Calls of operations that were made for another life over the same engine. */
export function caller(parts: Parts): DataApi['call'] {
  const operations = operationsOf(parts)
  return async <T extends object>(operation: string, input: unknown) => {
    const answer = await operations[operation]?.answer(input, callOf(operation))
    assert.ok(answer, operation)
    return answer as T
  }
}

/** Records of a shard from a place on, as many as one call gives. */
export async function readFrom(
  { call }: Pick<DataApi, 'call'>,
  place: object
): Promise<RecordsAnswer> {
  const shard = { StreamName: 's', ShardId: 'shardId-000000000000' }
  const { ShardIterator } = await call('GetShardIterator', { ...shard, ...place })
  return call<RecordsAnswer>('GetRecords', { ShardIterator })
}

export function texts({ Records }: Pick<RecordsAnswer, 'Records'>): string[] {
  return Records.map(({ Data }) => Data.toString())
}

/** For `assert.rejects`: an error of a type, with a text where one is given. */
export function isError(
  type: WireErrorType,
  text: string | RegExp = /./
): (error: unknown) => true {
  return (error) => {
    assert.ok(error instanceof WireError, String(error))
    assert.equal(error.type, type, error.message)
    if (typeof text === 'string') assert.equal(error.message, text)
    else assert.match(error.message, text)
    return true
  }
}
