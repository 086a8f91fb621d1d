import type { Clock } from '../../shared/clock.ts'
import { HeadwaterError } from '../../shared/errors.ts'
import type { RecordColumns } from '../../shared/record.ts'
import { unpackBody } from '../../shared/wire/batch.ts'
import { decodeFrame } from '../../shared/wire/frame.ts'
import type { Cursor } from '../buffer/buffer.ts'
import { countOf, type DeadLetter } from '../buffer/dead-letters.ts'
import type { SqliteBuffer } from '../buffer/sqlite-buffer.ts'
import { type FoundLetter, LetterMarks, markOf, markSource } from './letter-marks.ts'

/** Which dead letters are meant; absent: all. */
export interface LetterFilter {
  readonly stream?: string | undefined
  readonly code?: string | undefined
  readonly ids?: readonly number[] | undefined
}

export interface ReplayedLetters {
  readonly letters: number
  readonly records: number
  /** They stay: their bytes are no frame any more. */
  readonly unreadable: readonly FoundLetter[]
}

export interface DroppedLetters {
  /** Those that were counted as lost. */
  readonly letters: number
  readonly records: number
  /** Records in the buffer, of letters that were only removed. */
  readonly replayedRecords: number
}

const pageLetters = 20

/**
 * Appends the records of dead letters to their streams again, under new numbers, and then removes
 * the letters. In the transaction that stores the records a cursor says whose they are, so that
 * after a crash in between the letter is only removed: each record comes back once. Rejects with
 * `store_full` when there is no room within a few seconds.
 */
export async function replayLetters(
  buffer: SqliteBuffer,
  filter: LetterFilter,
  clock: Clock
): Promise<ReplayedLetters> {
  const marks = new LetterMarks(buffer)
  const unreadable: FoundLetter[] = []
  const done: number[] = []
  let records = 0
  for await (const found of lettersOf(buffer, filter)) {
    if (!marks.has(found)) {
      const columns = await columnsOf(found.letter)
      if (!columns) {
        unreadable.push(found)
        continue
      }
      await append(
        buffer,
        { stream: found.letter.stream, columns, cursors: [markOf(found)] },
        clock
      )
    }
    done.push(found.id)
    records += countOf(found.letter.seqs)
  }
  await buffer.removeDeadLetters(done, { lost: false })
  await clearMarks(buffer, clock)
  return { letters: done.length, records, unreadable }
}

/**
 * Removes dead letters for good and counts their records as lost, but for those that are in the
 * buffer again since a replay that did not come to its end.
 */
export async function dropLetters(
  buffer: SqliteBuffer,
  filter: LetterFilter,
  clock: Clock
): Promise<DroppedLetters> {
  const marks = new LetterMarks(buffer)
  const lost = { ids: new Array<number>(), records: 0 }
  const replayed = { ids: new Array<number>(), records: 0 }
  for await (const found of lettersOf(buffer, filter)) {
    const kind = marks.has(found) ? replayed : lost
    kind.ids.push(found.id)
    kind.records += countOf(found.letter.seqs)
  }
  await buffer.removeDeadLetters(lost.ids, { lost: true })
  await buffer.removeDeadLetters(replayed.ids, { lost: false })
  await clearMarks(buffer, clock)
  return {
    letters: lost.ids.length,
    records: lost.records,
    replayedRecords: replayed.records
  }
}

/** A mark from before a crash stays as long as its letter, which may not have been meant now. */
async function clearMarks(buffer: SqliteBuffer, clock: Clock): Promise<void> {
  const left = new Set<string>()
  for await (const found of lettersOf(buffer, {})) left.add(markOf(found).source)
  const cursors = new LetterMarks(buffer).clearing(left)
  if (cursors.length === 0) return
  await append(buffer, { stream: markSource, columns: noRecords, cursors }, clock)
}

/** The letters that are meant, in the order in which they were parked. */
export async function* lettersOf(
  store: Pick<SqliteBuffer, 'deadLetters'>,
  { stream, code, ids }: LetterFilter
): AsyncGenerator<FoundLetter> {
  let after = 0
  for (;;) {
    const page = await store.deadLetters({ after, limit: pageLetters })
    for (const found of page) {
      after = found.id
      if (stream !== undefined && found.letter.stream !== stream) continue
      if (code !== undefined && found.letter.code !== code) continue
      if (ids === undefined || ids.includes(found.id)) yield found
    }
    if (page.length === 0) return
  }
}

/** The records of a letter; undefined when its bytes are no frame. */
export async function columnsOf({ enc, body }: DeadLetter): Promise<RecordColumns | undefined> {
  try {
    return decodeFrame(await unpackBody(enc, body))
  } catch {
    return undefined
  }
}

const noRecords: RecordColumns = {
  keys: [],
  times: new Float64Array(),
  lens: new Uint32Array(),
  data: Buffer.alloc(0)
}

/** How long a full disk is waited for. Milliseconds. */
const waitMs = 5000

async function append(
  buffer: SqliteBuffer,
  chunk: {
    readonly stream: string
    readonly columns: RecordColumns
    readonly cursors: readonly Cursor[]
  },
  clock: Clock
): Promise<void> {
  const { stream, columns: records, cursors } = chunk
  const patience = new AbortController()
  const stored = new AbortController()
  void clock.sleep(waitMs, stored.signal).then(() => patience.abort())
  try {
    const all = { stream, records, cursors, urgent: true, times: 'own' } as const
    await buffer.append(all, patience.signal)
  } catch (cause) {
    if (!patience.signal.aborted) throw cause
    const message = 'the disk has no room for the records; the dead letters stay'
    throw new HeadwaterError('store_full', message, { cause })
  } finally {
    stored.abort()
  }
}
