import { ColumnsBuilder, type RecordDefaults } from '../../../shared/columns-builder.ts'
import { HeadwaterError } from '../../../shared/errors.ts'
import { isPartitionKey, type RecordColumns, recordLimits } from '../../../shared/record.ts'
import { decodeJsonBatch, decodeNdjson } from '../../../shared/wire/json.ts'

const ndjsonTypes = ['application/x-ndjson', 'application/ndjson', 'application/jsonl']

/**
 * The records of a body: the JSON shape, one JSON record a line, or, with any other content type,
 * the body itself as one record. Throws `invalid` or `too_large` naming what is at fault.
 */
export function decodeBody(
  body: Buffer,
  contentType: string,
  defaults: RecordDefaults
): RecordColumns {
  const type = contentType.split(';')[0]?.trim().toLowerCase() ?? ''
  const records = decode(body, type, defaults)
  const wrongKey = records.keys.find((key) => !isPartitionKey(key))
  if (wrongKey !== undefined) {
    throw new HeadwaterError(
      'invalid',
      `partitionKey must have 1 to ${recordLimits.partitionKeyChars} characters`
    )
  }
  const tooLong = records.lens.findIndex((length) => length > recordLimits.recordBytes)
  if (tooLong !== -1) {
    throw new HeadwaterError(
      'too_large',
      `records[${tooLong}] has ${records.lens[tooLong]} bytes, the limit is ${recordLimits.recordBytes}`
    )
  }
  return records
}

function decode(body: Buffer, type: string, defaults: RecordDefaults): RecordColumns {
  if (type === 'application/json') return decodeJsonBatch(text(body), defaults).records
  if (ndjsonTypes.includes(type)) return decodeNdjson(text(body), defaults)
  const builder = new ColumnsBuilder(defaults)
  builder.add(body)
  return builder.build()
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

function text(body: Buffer): string {
  try {
    return utf8.decode(body)
  } catch (cause) {
    throw new HeadwaterError('invalid', 'body is not UTF-8', { cause })
  }
}
