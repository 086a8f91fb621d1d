import type { Readable } from 'node:stream'
import type { z } from 'zod'
import type { Clock } from '../../shared/clock.ts'
import type { Log } from '../../shared/log.ts'
import type { Random } from '../../shared/random.ts'
import type { Appender } from '../buffer/buffer.ts'

/**
 * Something that is read: a set of files, standard input, a local port, the host itself.
 *
 * A source hands the buffer chunks and moves on when the buffer says they are durable. What it
 * keeps as a cursor is committed with the chunk, so after any crash it continues exactly behind the
 * last record that was kept. It knows nothing of the sender.
 */
export interface Source {
  /** Unique in the agent: the name in the configuration. Also the prefix of its cursors. */
  readonly name: string
  /**
   * Reads until `signal` aborts, or, when the context says `once`, until all there is has been
   * read and is durable; then it resolves. A rejection is logged and the source is run again after
   * a backoff, from its cursors; one with `no_input` ends the agent, for there is nothing to run
   * again. Everything it opened is closed when the promise settles.
   */
  run(sink: Appender, signal: AbortSignal): Promise<void>
  stats(): SourceStats
}

export interface SourceStats {
  readonly records: number
  readonly bytes: number
  /** Counts by reason of what could not be taken as it was: `cut_line`, `unreadable_file`, … */
  readonly problems: Readonly<Record<string, number>>
  /** Counts by reason of what was left out as the source was told to: `deadband`, … */
  readonly leftOut?: Readonly<Record<string, number>>
  /** Bytes that exist at the source and are not in the buffer yet, where that can be known. */
  readonly behindBytes?: number
}

/** What every source is given. */
export interface SourceContext {
  readonly name: string
  /** Stream its records go to. */
  readonly stream: string
  /** Partition key where the source has none of its own: the device. */
  readonly partitionKey: string
  /** Stop at the end of what there is, as `--once` asks. */
  readonly once: boolean
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /**
   * For a source that knows the time better than the wall clock may: it is `timeMs` now, within a
   * second. Believed when it is told again.
   */
  readonly tellTime?: (timeMs: number) => void
  /** The environment of the agent, for sources that run programs. */
  readonly environment?: Readonly<Record<string, string | undefined>>
  /** Standard input, for the one source that reads it. */
  readonly stdin?: () => Readable
}

/** A kind of source: one entry of the list in `index.ts`. */
export interface SourceType<Options = unknown> {
  /** The key that names it in the configuration: `{ tail: /var/log/app.log }`. */
  readonly key: string
  /** One sentence for the reference pages. */
  readonly summary: string
  /** Its own options, `key` among them, each with `.describe()` and its default. */
  readonly options: z.ZodObject
  /** Throws `config` for options that contradict each other; called when they are read. */
  check?(options: Options): void
  create(options: Options, context: SourceContext): Source
}
