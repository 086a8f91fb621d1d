import type { z } from 'zod'
import type { Clock } from '../../shared/clock.ts'
import type { Random } from '../../shared/random.ts'
import type { Row } from './row.ts'

/**
 * One step between a source and the buffer. It is given the records of one chunk at a time and is
 * synchronous, so chunks and records keep their order.
 *
 * What a step cannot do with a record is no reason to lose it: the record goes on as it was, marked
 * with an attribute and counted. Only what the operator asked to be dropped is dropped, and counted.
 */
export interface Transform {
  /**
   * The records that go on, in order: those of `rows`, changed in place, without the dropped ones,
   * or new ones in their stead. `mayHold`: the records were answered for already and cannot be read
   * again, so what was taken from them may be kept for a later call; otherwise nothing may be.
   */
  apply(rows: readonly Row[], mayHold: boolean): readonly Row[]
  /**
   * Records it was given are not durable and may be offered again: from here on none may be dropped
   * for being like one of them. Forgetting too much is always safe.
   */
  forget?(): void
  /** Gives up what it holds: no more records come for now. */
  flush?(): readonly Row[]
  stats(): TransformStats
}

/** Counts by reason; reasons are fixed words of the transform, never input. */
export interface TransformStats {
  /** Records that ended here. */
  readonly dropped: Readonly<Record<string, number>>
  /** Records that went on, by what was done to them or could not be done. */
  readonly noted: Readonly<Record<string, number>>
}

/** What every transform is given. */
export interface TransformContext {
  readonly clock: Clock
  readonly random: Random
}

/** A kind of transform: one entry of the list in `index.ts`. */
export interface TransformType<Options = unknown> {
  /** The key that names it in the configuration: `{ filter: 'level != "debug"' }`. */
  readonly key: string
  /** One sentence for the reference pages. */
  readonly summary: string
  /** What may stand behind the key. */
  readonly options: z.ZodType
  /** Whether it reads fields, so that something before it must have parsed the records. */
  needsFields?(options: Options): boolean
  /** It parses: the transforms after it have fields. */
  readonly givesFields?: true
  /** Whether it takes the times of records from their data. */
  givesTimes?(options: Options): boolean
  create(options: Options, context: TransformContext): Transform
}
