import { crc32 } from 'node:zlib'
import { HeadwaterError } from '../../shared/errors.ts'
import { recordLimits } from '../../shared/record.ts'
import { decodeBatch, encodeBatch } from '../../shared/wire/batch.ts'
import { decodeCbor, encodeCbor } from '../../shared/wire/cbor.ts'
import { Fields } from '../../shared/wire/fields.ts'
import type { StoredFrame } from '../buffer/buffer.ts'

/** Text that a file of an export begins with, so that `head -1` says what it is. */
export const fileVersion = 1
export const fileHead = Buffer.from(`headwater-export ${fileVersion}\n`)

/**
 * One export of one device. Every entry names it, so a file of which parts are damaged is still
 * understood.
 */
export interface Carry {
  /** 32 hexadecimal digits. */
  readonly id: string
  readonly device: string
  /** Wall time of the export. */
  readonly madeMs: number
  /** The device lets go of the frames once the files are verified: nobody else has them then. */
  readonly releases: boolean
}

/** A frame with its place in the export. */
interface CarriedEntry {
  /** Counts from 0 in its stream: a hole shows that something is missing. */
  readonly order: number
  /** When it was closed on the device. */
  readonly wallMs: number
  readonly frame: Omit<StoredFrame, 'id'>
}

/** The last entry of a file. */
export interface EndEntry {
  /** Counts from 1. */
  readonly part: number
  /** Frames of each stream in the whole export; only in its last file. */
  readonly streams: ReadonlyMap<string, number> | undefined
}

export type Entry = { readonly carry: Carry } & (
  | ({ readonly kind: 'frame' } & CarriedEntry)
  | ({ readonly kind: 'end' } & EndEntry)
)

/** Marks the beginning of an entry, so that the next one is found behind a damaged one. */
export const entryMark = Buffer.from('f04857450d0a1a0a', 'hex')

/** Mark, length of the content, its CRC-32, CRC-32 of these sixteen bytes. */
export const entryHeadBytes = entryMark.length + 12

/** A frame, its header and what is around it. */
const maxContentBytes = recordLimits.batchBytes + 64 * 1024

export function encodeEntry(entry: Entry): Buffer {
  const content = encodeCbor({ ...carryFields(entry.carry), ...contentFields(entry) })
  const head = Buffer.alloc(entryHeadBytes)
  entryMark.copy(head)
  head.writeUInt32BE(content.length, 8)
  head.writeUInt32BE(crc32(content), 12)
  head.writeUInt32BE(crc32(head.subarray(0, 16)), 16)
  return Buffer.concat([head, content])
}

/** What an entry's head says of its content; undefined when these bytes are no such head. */
export function readHead(
  head: Buffer
): { readonly bytes: number; readonly crc: number } | undefined {
  if (head.length < entryHeadBytes || !head.subarray(0, 8).equals(entryMark)) return undefined
  if (head.readUInt32BE(16) !== crc32(head.subarray(0, 16))) return undefined
  const bytes = head.readUInt32BE(8)
  return bytes <= maxContentBytes ? { bytes, crc: head.readUInt32BE(12) } : undefined
}

/** Bodies are views of `content`. Throws `invalid` when it is damaged or makes no sense. */
export function decodeEntry(content: Buffer, crc: number): Entry {
  if (crc32(content) !== crc) throw new HeadwaterError('invalid', 'its checksum does not match')
  const fields: Fields = new Fields(decodeCbor(content, 'entry'), 'entry')
  const carry = {
    id: fields.bytes('export').toString('hex'),
    device: fields.text('device'),
    madeMs: fields.int('made', Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER),
    releases: fields.uint('releases', 1) === 1
  }
  return fields.has('batch') ? frameEntry(carry, fields) : endEntry(carry, fields)
}

function frameEntry(carry: Carry, fields: Fields): Entry {
  const { header, enc, body } = decodeBatch(fields.bytes('batch'))
  const wallMs = fields.int('at', Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)
  const frame = { header, enc, body, crc: crc32(body) }
  return { kind: 'frame', carry, order: fields.uint('order'), wallMs, frame }
}

function endEntry(carry: Carry, fields: Fields): Entry {
  const part = fields.int('part', 1, Number.MAX_SAFE_INTEGER)
  if (!fields.has('streams')) return { kind: 'end', carry, part, streams: undefined }
  const streams = fields.array('streams').map((one) => {
    const row = new Fields(one, 'stream of the end')
    return [row.text('stream'), row.uint('frames')] as const
  })
  return { kind: 'end', carry, part, streams: new Map(streams) }
}

function carryFields({ id, device, madeMs, releases }: Carry): object {
  return { export: Buffer.from(id, 'hex'), device, made: madeMs, releases: releases ? 1 : 0 }
}

function contentFields(entry: Entry): object {
  if (entry.kind === 'frame') {
    return { order: entry.order, at: entry.wallMs, batch: encodeBatch(entry.frame) }
  }
  const rows = entry.streams && [...entry.streams].map(([stream, frames]) => ({ stream, frames }))
  return { part: entry.part, ...(rows ? { streams: rows } : {}) }
}
