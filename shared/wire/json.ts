import { ColumnsBuilder, type RecordDefaults } from '../columns-builder.ts'
import { HeadwaterError } from '../errors.ts'
import { isAttributes, keyOf, offsetsOf, type RecordColumns } from '../record.ts'
import { type BatchHeader, type BatchLane, clockStates, maxFirst, maxOffsetMs } from './batch.ts'
import { Fields } from './fields.ts'
import { elementTexts, memberText } from './json-source.ts'

/** The first line of the JSON shape, which only our agent fills; the stream stands in the path. */
export type JsonHeader = Omit<BatchHeader, 'stream' | 'count'>

export interface JsonBatch {
  readonly header?: JsonHeader
  readonly records: RecordColumns
}

/** The JSON shape of a batch: `{ device, epoch, first, …, records: [{ data, partitionKey, time }] }`. */
export function encodeJsonBatch(header: BatchHeader, records: RecordColumns): string {
  const { stream: _stream, count: _count, clock, ...rest } = header
  const offsets = offsetsOf(records.lens)
  const list = Array.from(records.lens, (_, i) => {
    const attributes = records.attributes?.[i]
    return {
      data: records.data.toString('base64', offsets[i], offsets[i + 1]),
      partitionKey: keyOf(records, i),
      time: records.times[i],
      ...(attributes ? { attributes } : {})
    }
  })
  return JSON.stringify({ ...rest, clock: clockStates.indexOf(clock), records: list })
}

/** Throws `invalid` naming the record's index and field. */
export function decodeJsonBatch(text: string, defaults: RecordDefaults): JsonBatch {
  const fields = new Fields(parseJson(text, 'body'), 'body')
  const builder = new ColumnsBuilder(defaults)
  let texts: readonly string[] | undefined
  fields.array('records').forEach((value, i) => {
    const source = () => {
      texts ??= elementTexts(memberText(text, 'records') ?? '[]')
      return texts[i] ?? ''
    }
    addRecord(builder, value, { what: `body: records[${i}]`, source })
  })
  const header = fields.has('epoch') ? readHeader(fields) : undefined
  return { ...(header ? { header } : {}), records: builder.build() }
}

/** One JSON record a line; empty lines are passed over. Throws `invalid` naming the line. */
export function decodeNdjson(text: string, defaults: RecordDefaults): RecordColumns {
  const builder = new ColumnsBuilder(defaults)
  let line = 0
  for (const part of text.split('\n')) {
    line += 1
    if (part.trim() === '') continue
    const what = `line ${line}`
    addRecord(builder, parseJson(part, what), { what, source: () => part })
  }
  return builder.build()
}

function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new HeadwaterError('invalid', `${what} is not valid JSON: ${(cause as Error).message}`, {
      cause
    })
  }
}

function readHeader(fields: Fields): JsonHeader {
  const epoch = fields.text('epoch')
  if (!/^[0-9a-f]{32}$/.test(epoch)) fields.fail('epoch', 'must be 32 hexadecimal digits')
  const first = fields.int('first', 1, maxFirst)
  const lane: BatchLane = fields.has('lane') && fields.uint('lane', 1) === 1 ? 1 : 0
  const header = {
    device: fields.text('device'),
    epoch,
    first,
    prev: fields.has('prev') ? fields.uint('prev') : first - 1,
    floor: fields.has('floor') ? fields.uint('floor') : 0,
    lane,
    clock: clockStates[fields.has('clock') ? fields.uint('clock', 3) : 0] ?? 'unsynced',
    offset: fields.has('offset') ? fields.int('offset', -maxOffsetMs, maxOffsetMs) : 0
  }
  if (header.prev >= first) fields.fail('prev', 'must be less than "first"')
  if (header.floor > first) fields.fail('floor', 'must not be above "first"')
  return header
}

interface RecordPlace {
  /** What errors call the record. */
  readonly what: string
  /** The record as it was written. */
  readonly source: () => string
}

function addRecord(builder: ColumnsBuilder, value: unknown, place: RecordPlace): void {
  const fields: Fields = new Fields(value, place.what)
  const attributes: unknown = fields.get('attributes') ?? undefined
  if (attributes !== undefined && !isAttributes(attributes)) {
    fields.fail('attributes', 'must be a small map of text to text')
  }
  builder.add(readData(fields, place.source), {
    ...(fields.has('partitionKey') ? { partitionKey: fields.text('partitionKey') } : {}),
    ...(fields.has('time') ? { time: readTime(fields) } : {}),
    attributes
  })
}

/** The bytes of a record: exactly one of `data` (base64), `text` and `json`, which stays as written. */
function readData(fields: Fields, source: () => string): Buffer {
  const given = ['data', 'text', 'json'].filter((name) => fields.get(name) !== undefined)
  if (given.length !== 1) fields.fail('data', 'must be given, or "text" or "json" in its place')
  if (given[0] === 'text') return Buffer.from(fields.text('text'))
  if (given[0] === 'json') return Buffer.from(memberText(source(), 'json') ?? '')
  const text = fields.text('data')
  if (!isBase64(text)) fields.fail('data', 'must be base64 (RFC 4648 section 4)')
  return Buffer.from(text, 'base64')
}

/** Node's decoder skips what it does not know; data that was cut or mangled must be refused. */
function isBase64(text: string): boolean {
  return text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text)
}

function readTime(fields: Fields): number {
  const value = fields.get('time')
  if (typeof value === 'string') {
    const parsed = Date.parse(value)
    if (Number.isNaN(parsed))
      fields.fail('time', 'must be milliseconds since 1970 or an ISO 8601 date')
    return parsed
  }
  return fields.int('time', -(2 ** 52), 2 ** 52)
}
