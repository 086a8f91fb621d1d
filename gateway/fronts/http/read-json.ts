import type { IncomingMessage } from 'node:http'
import { HeadwaterError } from '../../../shared/errors.ts'
import type { BodyReader } from './body-reader.ts'
import { textOf } from './record-bodies.ts'

/** A body that is one JSON value. Rejects as `BodyReader.read` does, and with `invalid`. */
export async function readJson(request: IncomingMessage, bodies: BodyReader): Promise<unknown> {
  const body = await bodies.read(request)
  try {
    return parse(textOf(body.bytes))
  } finally {
    body.release()
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new HeadwaterError('invalid', `body is not valid JSON: ${String(cause)}`, { cause })
  }
}
