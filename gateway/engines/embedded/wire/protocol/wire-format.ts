import type { WireObject } from '../operation.ts'
import { cborFormat } from './cbor-format.ts'
import { jsonFormat } from './json-format.ts'

/** How bodies are written; answers come in the format of the request. */
export interface WireFormat {
  readonly contentType: string
  /** Throws `SerializationException`. */
  decode(body: Buffer): unknown
  encode(value: WireObject): Buffer
}

/** By the `Content-Type` of a request; undefined for one that the service does not know. */
export function wireFormatOf(contentType: string | undefined): WireFormat | undefined {
  const name = contentType?.split(';', 1)[0]?.trim().toLowerCase()
  return [jsonFormat, cborFormat].find((format) => format.contentType === name)
}
