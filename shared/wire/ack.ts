import { type AckCode, errorKinds, HeadwaterError } from '../errors.ts'
import { decodeCbor, encodeCbor } from './cbor.ts'
import { Fields } from './fields.ts'

/** A record that was refused for good. It is never counted as stored: a repeat is rejected again. */
export interface Rejected {
  readonly seq: number
  readonly code: AckCode
  readonly message: string
}

/** The answer to one batch, the only thing that releases a frame. */
export interface Ack {
  /** Which batch this answers. */
  readonly epoch: string
  readonly stream: string
  readonly first: number
  readonly count: number
  /** `ok`: every record is durable or listed in `rejected`. Anything else: none may be released. */
  readonly code: AckCode
  /** Highest sequence number below which all is settled, for this epoch, stream and lane. */
  readonly through: number
  readonly rejected: readonly Rejected[]
  readonly message?: string
  readonly retryAfterMs?: number
  readonly pace?: { readonly bytesPerSecond: number }
  readonly limits?: { readonly maxBatchBytes: number; readonly maxRecordBytes: number }
}

export const ackVersion = 1

const ackCodes = new Set<string>(['ok', ...Object.values(errorKinds).map((kind) => kind.ack)])

function plain(ack: Ack, epoch: Buffer | string): object {
  return { v: ackVersion, ...ack, epoch }
}

export function encodeAckCbor(ack: Ack): Buffer {
  return encodeCbor(plain(ack, Buffer.from(ack.epoch, 'hex')))
}

export function encodeAckJson(ack: Ack): string {
  return JSON.stringify(plain(ack, ack.epoch))
}

/** Throws `invalid` for anything that is not an Ack of this version. */
export function decodeAckCbor(bytes: Buffer): Ack {
  const fields = new Fields(decodeCbor(bytes, 'ack'), 'ack')
  const epoch = fields.bytes('epoch')
  if (epoch.length !== 16) fields.fail('epoch', 'must have 16 bytes')
  return readAck(fields, epoch.toString('hex'))
}

/** Throws `invalid` for anything that is not an Ack of this version. */
export function decodeAckJson(text: string): Ack {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new HeadwaterError('invalid', 'ack is not valid JSON', { cause })
  }
  const fields = new Fields(value, 'ack')
  return readAck(fields, fields.text('epoch'))
}

function readAck(fields: Fields, epoch: string): Ack {
  if (fields.uint('v') !== ackVersion) fields.fail('v', `must be ${ackVersion}`)
  return {
    epoch,
    stream: fields.text('stream'),
    first: fields.uint('first'),
    count: fields.uint('count'),
    code: ackCode(fields, 'code'),
    through: fields.uint('through'),
    rejected: fields.has('rejected') ? fields.array('rejected').map(readRejected) : [],
    ...(fields.has('message') ? { message: fields.text('message') } : {}),
    ...(fields.has('retryAfterMs') ? { retryAfterMs: fields.uint('retryAfterMs') } : {}),
    ...(fields.has('pace') ? { pace: readPace(fields.get('pace')) } : {}),
    ...(fields.has('limits') ? { limits: readLimits(fields.get('limits')) } : {})
  }
}

function readRejected(value: unknown): Rejected {
  const fields = new Fields(value, 'ack: rejected')
  return { seq: fields.uint('seq'), code: ackCode(fields, 'code'), message: fields.text('message') }
}

function readPace(value: unknown): { bytesPerSecond: number } {
  return { bytesPerSecond: new Fields(value, 'ack: pace').uint('bytesPerSecond') }
}

function readLimits(value: unknown): { maxBatchBytes: number; maxRecordBytes: number } {
  const fields = new Fields(value, 'ack: limits')
  return {
    maxBatchBytes: fields.uint('maxBatchBytes'),
    maxRecordBytes: fields.uint('maxRecordBytes')
  }
}

function ackCode(fields: Fields, name: string): AckCode {
  const code = fields.text(name)
  if (!ackCodes.has(code))
    fields.fail(name, `is not a known code: ${JSON.stringify(code.slice(0, 40))}`)
  return code as AckCode
}

/** Whether `ack` is the verdict on this batch: it names its epoch, stream, first and count. */
export function answers(
  ack: Ack,
  batch: { epoch: string; stream: string; first: number; count: number }
): boolean {
  return (
    ack.epoch === batch.epoch &&
    ack.stream === batch.stream &&
    ack.first === batch.first &&
    ack.count === batch.count
  )
}
