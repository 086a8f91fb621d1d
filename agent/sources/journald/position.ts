import { HeadwaterError } from '../../../shared/errors.ts'
import { decodeCbor, encodeCbor } from '../../../shared/wire/cbor.ts'
import { Fields } from '../../../shared/wire/fields.ts'

/** How far the journal has been read. */
export interface Position {
  /** The journal's own cursor of the last entry; absent when it was empty at the first run. */
  readonly cursor?: string
}

const version = 1

/** `{ v, cursor? }` */
export function encodePosition({ cursor }: Position): Buffer {
  return encodeCbor(cursor === undefined ? { v: version } : { v: version, cursor })
}

/** Throws `store_too_new` for a later version, `invalid` for anything else that is not a position. */
export function decodePosition(bytes: Buffer): Position {
  const fields: Fields = new Fields(decodeCbor(bytes, 'journald cursor'), 'journald cursor')
  const found = fields.uint('v')
  if (found > version) {
    throw new HeadwaterError(
      'store_too_new',
      `a journald cursor has version ${found}, this program reads ${version}; run the newer program`
    )
  }
  return fields.has('cursor') ? { cursor: fields.text('cursor') } : {}
}
