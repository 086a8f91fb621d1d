import { cborFormat } from './cbor-format.ts'
import { jsonFormat } from './json-format.ts'
import type { WireFormat } from './wire-format.ts'

/** By the `Content-Type` of a request; undefined for one that the service does not know. */
export function wireFormatOf(contentType: string | undefined): WireFormat | undefined {
  const name = contentType?.split(';', 1)[0]?.trim().toLowerCase()
  return [jsonFormat, cborFormat].find((format) => format.contentType === name)
}
