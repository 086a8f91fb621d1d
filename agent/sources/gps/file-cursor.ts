import { encodeCbor, decodeCbor } from '../../../shared/wire/cbor.ts'
import { HeadwaterError } from '../../../shared/errors.ts'
import { Fields } from '../../../shared/wire/fields.ts'

/** How far a recording has been read. */
export interface FilePosition {
  /** Device and inode, so that another file under the same path is read from its start. */
  readonly file: string
  /** Bytes up to the first sentence of an epoch that is not complete. */
  readonly offset: number
  /** Time of the last fix before `offset`, milliseconds since the epoch. */
  readonly lastTime?: number | undefined
}

const version = 1

/** `{ v, file, offset, time? }` */
export function encodeFilePosition({ file, offset, lastTime }: FilePosition): Buffer {
  const time = lastTime === undefined ? {} : { time: lastTime }
  return encodeCbor({ v: version, file, offset, ...time })
}

/** Throws `store_too_new` for a later version, `invalid` for what is no position. */
export function decodeFilePosition(bytes: Buffer): FilePosition {
  const fields = new Fields(decodeCbor(bytes, 'gps cursor'), 'gps cursor')
  const found = fields.uint('v')
  if (found > version) {
    throw new HeadwaterError(
      'store_too_new',
      `a gps cursor has version ${found}, this program reads ${version}; run the newer program`
    )
  }
  const bounds = 8.64e15
  return {
    file: fields.text('file'),
    offset: fields.uint('offset'),
    lastTime: fields.has('time') ? fields.int('time', -bounds, bounds) : undefined
  }
}
