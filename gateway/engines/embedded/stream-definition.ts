import { HeadwaterError } from '../../../shared/errors.ts'
import { recordLimits, requireName } from '../../../shared/record.ts'
import { decodeCbor, encodeCbor } from '../../../shared/wire/cbor.ts'
import { Fields } from '../../../shared/wire/fields.ts'
import type { CreateOptions, StreamDescription } from '../engine.ts'
import { sequenceSeconds } from './commit-plan.ts'
import { putLimits } from './put-queue.ts'
import { type ShardRow, ShardTable } from './shard-table.ts'
import { decodeSettings, newSettings, type StreamSettings } from './stream-settings.ts'

/** What is known of a stream apart from its records; kept in the catalog and in each segment. */
export interface StreamDefinition {
  readonly name: string
  readonly retentionMs: number
  /** Largest entry, key included. */
  readonly maxRecordBytes: number
  readonly shards: ShardTable
  readonly settings: StreamSettings
}

/** What this engine keeps of a stream from the beginning, besides. */
export interface EmbeddedCreateOptions extends CreateOptions {
  readonly settings?: Partial<StreamSettings>
}

/** Of one stream. */
export const maxOpenShards = 10_000

/** The definition of a stream that is to be made. Throws `invalid` naming what is out of range. */
export function newDefinition(
  stream: string,
  options: EmbeddedCreateOptions & {
    readonly retentionMs: number
    /** Wall time. */
    readonly createdMs: number
  }
): StreamDefinition {
  const name = requireName(stream, 'the name of a stream')
  if (/^\.+$/.test(name)) {
    throw new HeadwaterError('invalid', 'the name of a stream must not be dots alone')
  }
  const { shards, retentionMs, maxRecordBytes = 1024 * 1024, createdMs } = options
  requireUpTo(maxOpenShards, shards, 'the number of shards')
  requireUpTo(Number.MAX_SAFE_INTEGER, retentionMs, 'the retention in milliseconds')
  requireUpTo(recordLimits.recordBytes, maxRecordBytes, 'the largest record in bytes')
  return {
    name,
    retentionMs,
    maxRecordBytes,
    shards: ShardTable.uniform(shards, sequenceSeconds(createdMs)),
    settings: { ...newSettings(createdMs), ...options.settings }
  }
}

function requireUpTo(max: number, value: number, what: string): void {
  if (Number.isInteger(value) && value >= 1 && value <= max) return
  throw new HeadwaterError('invalid', `${what} must be an integer from 1 to ${max}`)
}

/** What users of any engine see of it. */
export function describeStream({
  name,
  shards,
  maxRecordBytes,
  settings
}: StreamDefinition): StreamDescription {
  return {
    stream: name,
    shards: shards.shards(),
    version: shards.version,
    maxRecordBytes,
    maxPutEntries: putLimits.put.records,
    maxPutBytes: putLimits.put.bytes,
    distribution: 'key',
    createdMs: settings.createdMs
  }
}

export function encodeDefinition(definition: StreamDefinition): Buffer {
  const { name, retentionMs, maxRecordBytes, shards, settings } = definition
  return encodeCbor({
    name,
    retentionMs,
    maxRecordBytes,
    settings,
    version: shards.version,
    nextIndex: shards.nextIndex,
    shards: shards.rows.map(({ range, ...row }) => ({
      ...row,
      start: range.start.toString(),
      end: range.end.toString()
    }))
  })
}

/** Throws `invalid` naming the field. */
export function decodeDefinition(bytes: Buffer): StreamDefinition {
  const fields = new Fields(decodeCbor(bytes, 'stream definition'), 'stream definition')
  return {
    name: fields.text('name'),
    retentionMs: fields.uint('retentionMs'),
    maxRecordBytes: fields.uint('maxRecordBytes'),
    settings: decodeSettings(fields.get('settings')),
    shards: new ShardTable({
      version: fields.uint('version'),
      nextIndex: fields.uint('nextIndex'),
      rows: fields.array('shards').map(readRow)
    })
  }
}

function readRow(value: unknown): ShardRow {
  const fields = new Fields(value, 'shard')
  return {
    index: fields.uint('index'),
    range: { start: BigInt(fields.text('start')), end: BigInt(fields.text('end')) },
    parents: fields.array('parents').map(Number),
    createdSeconds: fields.uint('createdSeconds'),
    ...(fields.has('closed') ? { closed: readClosing(fields.get('closed')) } : {})
  }
}

function readClosing(value: unknown): { atIndex: number; ageMs: number } {
  const fields = new Fields(value, 'shard: closed')
  return { atIndex: fields.uint('atIndex'), ageMs: fields.uint('ageMs') }
}
