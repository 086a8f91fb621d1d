import { crc32, gunzip } from 'node:zlib'
import { promisify } from 'node:util'
import { HeadwaterError } from '../errors.ts'
import { isName, type RecordColumns, recordLimits } from '../record.ts'
import { decodeCbor, encodeCbor } from './cbor.ts'
import { Fields } from './fields.ts'
import { decodeFrame } from './frame.ts'

/** 0 live: the newest first-time data; 1 backlog: data that waited while newer was sent. */
export type BatchLane = 0 | 1

/** What the device's clock was worth when a frame was closed, in the order of the wire's 0..3. */
export const clockStates = ['unsynced', 'ntp', 'gps', 'rtc'] as const
export type ClockState = (typeof clockStates)[number]

export type BodyEncoding = 'id' | 'gzip'

/** What is written when a frame is sent; the body stays the stored frame, byte for byte. */
export interface BatchHeader {
  readonly device: string
  /** 32 hexadecimal digits; on the wire 16 bytes. */
  readonly epoch: string
  readonly stream: string
  /** First sequence number, from 1, and number of records. */
  readonly first: number
  readonly count: number
  /** Last sequence number of the frame before this one in its lane; 0 when there was none. */
  readonly prev: number
  /** Oldest sequence number of this epoch, stream and lane that is not settled; below is final. */
  readonly floor: number
  readonly lane: BatchLane
  readonly clock: ClockState
  /** Correction of all times in the body, milliseconds, for a clock that was learnt later. */
  readonly offset: number
}

export interface Batch {
  readonly header: BatchHeader
  readonly enc: BodyEncoding
  /** The frame, packed as `enc` says. */
  readonly body: Buffer
}

export const batchVersion = 1

/** CRC-32 (ISO-HDLC, as in gzip) of a frame's stored bytes. */
export function frameCrc(body: Buffer): number {
  return crc32(body)
}

/** `crc` is that of `body`, made when the frame was stored, so that a rotten disk is noticed here. */
export function encodeBatch(batch: Batch & { readonly crc: number }): Buffer {
  const { header, enc, body, crc } = batch
  return encodeCbor({
    v: batchVersion,
    device: header.device,
    epoch: Buffer.from(header.epoch, 'hex'),
    stream: header.stream,
    first: header.first,
    count: header.count,
    prev: header.prev,
    floor: header.floor,
    lane: header.lane,
    clock: clockStates.indexOf(header.clock),
    offset: header.offset,
    enc,
    body,
    crc
  })
}

/** `body` is a view of `bytes`. Throws `invalid` naming the field at fault. */
export function decodeBatch(bytes: Buffer): Batch {
  const fields: Fields = new Fields(decodeCbor(bytes, 'batch'), 'batch')
  const version = fields.uint('v')
  if (version !== batchVersion) {
    fields.fail('v', `is ${version}, this gateway reads ${batchVersion}; update the gateway first`)
  }
  const enc = fields.text('enc')
  if (enc !== 'id' && enc !== 'gzip') fields.fail('enc', 'must be "id" or "gzip"')
  const body = fields.bytes('body')
  if (fields.uint('crc', 0xffffffff) !== frameCrc(body)) {
    fields.fail('crc', 'does not match the body; it was damaged on the way')
  }
  return { header: decodeHeader(fields), enc, body }
}

function decodeHeader(fields: Fields): BatchHeader {
  const epoch = fields.bytes('epoch')
  if (epoch.length !== 16) fields.fail('epoch', 'must have 16 bytes')
  const clock = clockStates[fields.uint('clock', clockStates.length - 1)]
  const header = {
    device: name(fields, 'device'),
    epoch: epoch.toString('hex'),
    stream: name(fields, 'stream'),
    first: fields.int('first', 1, maxFirst),
    count: fields.int('count', 1, recordLimits.batchRecords),
    prev: fields.uint('prev'),
    floor: fields.uint('floor'),
    lane: fields.uint('lane', 1) === 0 ? (0 as const) : (1 as const),
    clock: clock ?? 'unsynced',
    offset: fields.int('offset', -maxOffsetMs, maxOffsetMs)
  }
  if (header.prev >= header.first) fields.fail('prev', 'must be less than "first"')
  if (header.floor > header.first) fields.fail('floor', 'must not be above "first"')
  return header
}

/** So that the last number of a batch is a safe integer too. */
export const maxFirst = Number.MAX_SAFE_INTEGER - recordLimits.batchRecords

/** Two centuries: from the epoch to any year a device may believe in. */
export const maxOffsetMs = 200 * 365.25 * 24 * 3600 * 1000

function name(fields: Fields, field: string): string {
  const text = fields.text(field)
  if (!isName(text)) fields.fail(field, 'must be 1 to 128 characters of a-z A-Z 0-9 _ . -')
  return text
}

/** The records of a batch, from its unpacked body. Throws `invalid`, also when its count is another. */
export function decodeBatchRecords(
  { count }: Pick<BatchHeader, 'count'>,
  frame: Buffer
): RecordColumns {
  const records = decodeFrame(frame)
  if (records.lens.length === count) return records
  throw new HeadwaterError(
    'invalid',
    `batch: field "count" is ${count}, the frame has ${records.lens.length} records`
  )
}

const unzip = promisify(gunzip)

/** The frame of a batch, unpacked; `too_large` past the limit of a batch, so no bomb goes off. */
export async function unpackBody(enc: BodyEncoding, body: Buffer): Promise<Buffer> {
  return enc === 'gzip' ? gunzipBounded(body, 'batch: field "body"') : body
}

/** Unpacks gzip to at most a batch's limit. Throws `too_large` or `invalid`, naming `what`. */
export async function gunzipBounded(bytes: Buffer, what: string): Promise<Buffer> {
  const maxOutputLength = recordLimits.batchBytes
  try {
    return await unzip(bytes, { maxOutputLength })
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
      throw new HeadwaterError(
        'too_large',
        `${what} unpacks to more than ${maxOutputLength} bytes`,
        {
          cause
        }
      )
    }
    throw new HeadwaterError('invalid', `${what} is not valid gzip: ${String(cause)}`, { cause })
  }
}
