import type { AckCode } from '../../shared/errors.ts'
import type { Ack } from '../../shared/wire/ack.ts'
import {
  type BatchHeader,
  decodeBatch,
  gunzipBounded,
  unpackBody
} from '../../shared/wire/batch.ts'
import { offsetsOf, type RecordColumns } from '../../shared/record.ts'
import { decodeFrame } from '../../shared/wire/frame.ts'
import { decodeJsonBatch } from '../../shared/wire/json.ts'

/** A batch as it came over the wire. */
export interface Received {
  readonly header: BatchHeader
  readonly texts: readonly string[]
  readonly token: string | undefined
}

/**
 * What a fake gateway does with a batch: an Ack with these fields (`{}` is ok), an answer that is
 * none, the Ack of another batch, no answer at all, or a cut connection.
 */
export type Reply = Partial<Ack> | 'page' | 'other batch' | 'hang' | 'cut'

export interface FakeGateway {
  readonly url: URL
  /** In the order of arrival. */
  readonly received: readonly Received[]
  /** One reply a batch; when it is used up the answer is ok. */
  readonly script: Reply[]
  /** Says to everybody that device or token is wrong. */
  refusing: boolean
  readonly connections: number
  /** Resolves when this many batches have arrived. */
  arrived(count: number): Promise<void>
  close(): Promise<void>
}

/** What both fake gateways share: the log of what came and the script of answers. */
export class Script {
  readonly received: Received[] = []
  readonly replies: Reply[] = []
  #waiting: { count: number; resolve: () => void }[] = []

  next(received: Received): Reply {
    this.received.push(received)
    for (const one of this.#waiting) if (one.count <= this.received.length) one.resolve()
    this.#waiting = this.#waiting.filter((one) => one.count > this.received.length)
    return this.replies.shift() ?? {}
  }

  arrived(count: number): Promise<void> {
    if (this.received.length >= count) return Promise.resolve()
    return new Promise((resolve) => this.#waiting.push({ count, resolve }))
  }
}

export function ackOf(header: BatchHeader, fields: Partial<Ack>): Ack {
  const { epoch, stream, first, count } = header
  const code: AckCode = 'ok'
  return { epoch, stream, first, count, code, through: first + count - 1, rejected: [], ...fields }
}

export async function readCbor(bytes: Buffer, token: string | undefined): Promise<Received> {
  const { header, enc, body } = decodeBatch(bytes)
  return { header, texts: textsOf(decodeFrame(await unpackBody(enc, body))), token }
}

/** The first bytes tell gzip, as they do where nothing else can. */
export async function readJson(
  bytes: Buffer,
  stream: string,
  token: string | undefined
): Promise<Received> {
  const packed = bytes[0] === 0x1f && bytes[1] === 0x8b
  const plain = packed ? await gunzipBounded(bytes, 'body') : bytes
  const batch = decodeJsonBatch(plain.toString(), { partitionKey: '?', time: 0 })
  if (!batch.header) throw new Error('a batch of the agent has a header')
  const header = { ...batch.header, stream, count: batch.records.lens.length }
  return { header, texts: textsOf(batch.records), token }
}

function textsOf(records: RecordColumns): string[] {
  const offsets = offsetsOf(records.lens)
  return Array.from(records.lens, (_, i) =>
    records.data.toString('utf8', offsets[i], offsets[i + 1])
  )
}
