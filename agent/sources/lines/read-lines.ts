import type { Clock } from '../../../shared/clock.ts'
import type { RecordColumns } from '../../../shared/record.ts'
import type { Intake } from '../intake.ts'
import type { ArrivingLines } from './arriving-lines.ts'
import type { CutEnd } from './line-cutter.ts'

interface LineReading {
  readonly intake: Intake
  readonly lines: ArrivingLines
  readonly clock: Clock
  /** How long lines of one record may be apart; absent: each line is a record. Milliseconds. */
  readonly maxWaitMs: number | undefined
}

/**
 * The records of a stream as they are complete, to its end or, when `enough` aborts, with what has
 * come by then, the unfinished last one as it is. The intake is closed then. While the caller is
 * busy with some records nothing is cut, so that the intake fills and the writer waits.
 */
export async function* readLines(
  { intake, lines, clock, maxWaitMs }: LineReading,
  enough: AbortSignal
): AsyncGenerator<RecordColumns> {
  for (let end: CutEnd = 'more'; end !== 'end'; ) {
    const mayGoOn = end === 'more' && lines.bytes > 0
    await intake.readyWithin(mayGoOn ? maxWaitMs : undefined, clock, enough)
    const isLast = intake.ended || enough.aborted
    if (isLast) intake.close()
    const cameMore = lines.addFrom(intake)
    end = isLast ? 'end' : cameMore ? 'more' : 'idle'
    yield* lines.complete(end)
  }
}
