import type { Cursor } from '../buffer/buffer.ts'
import type { DeadLetter } from '../buffer/dead-letters.ts'
import type { SqliteBuffer } from '../buffer/sqlite-buffer.ts'

export interface FoundLetter {
  readonly id: number
  readonly letter: DeadLetter
}

/** Source of the marks. */
export const markSource = 'dead-letters'

/** The cursor that is committed with the records of a letter when they are in the buffer again. */
export function markOf({ id, letter }: FoundLetter): Cursor {
  // Ids may be given again once a letter is gone, so the mark says which letter it was.
  const { epoch, seqs, code, parkedMs } = letter
  const position = Buffer.from(JSON.stringify([epoch, seqs, code, parkedMs]))
  return { source: `${markSource}:${id}`, position }
}

/** Which letters are in the buffer again, as of its last commit. */
export class LetterMarks {
  readonly #marks: ReadonlyMap<string, Buffer>

  constructor(buffer: Pick<SqliteBuffer, 'cursors'>) {
    this.#marks = buffer.cursors(markSource)
  }

  has(found: FoundLetter): boolean {
    const { source, position } = markOf(found)
    return this.#marks.get(source)?.equals(position) === true
  }

  /** Cursors that take away all marks but those of these sources. */
  clearing(kept: ReadonlySet<string>): readonly Cursor[] {
    return [...this.#marks.keys()]
      .filter((source) => !kept.has(source))
      .map((source) => ({ source, position: Buffer.alloc(0) }))
  }
}
