import type { WireObject } from '../operation.ts'

/** How bodies are written; answers come in the format of the request. */
export interface WireFormat {
  readonly contentType: string
  /** Throws `SerializationException`. */
  decode(body: Buffer): unknown
  encode(value: WireObject): Buffer
}
