import type { StreamEngine } from '../engines/engine.ts'
import { type ReaderOptions, StreamReader } from './stream-reader.ts'
import type { UserRecord } from './user-record.ts'

export { parseReadFrom } from './read-from.ts'
export { decodedLine, plainLine } from './record-line.ts'
export type { ReaderOptions } from './stream-reader.ts'
export type { UserRecord } from './user-record.ts'

/** The user records of a stream in batches of one shard each; `StreamReader` has the rules. */
export function readStream(
  engine: StreamEngine,
  options: ReaderOptions
): AsyncGenerator<readonly UserRecord[]> {
  return new StreamReader(engine, options).records()
}
