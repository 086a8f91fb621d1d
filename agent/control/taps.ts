import type { RecordColumns } from '../../shared/record.ts'
import type { Appender, Chunk } from '../buffer/buffer.ts'
import type { Source } from '../sources/source.ts'

/** Where records are looked at: as the source gives them, or as they are stored. */
export type TapSide = 'before' | 'after'

/** Records on their way past a tap; the bytes are the chunk's and change after the call. */
export interface Passing {
  readonly source: string
  readonly side: TapSide
  readonly stream: string
  readonly records: RecordColumns
}

/** Somebody who looks at records as they pass. It must not wait, and is dropped when it throws. */
export interface Tapper {
  see(passing: Passing): void
}

/** The places where records can be looked at. While nobody looks they cost a comparison a chunk. */
export class Taps {
  readonly #tappers = new Set<Tapper>()

  get count(): number {
    return this.#tappers.size
  }

  add(tapper: Tapper): void {
    this.#tappers.add(tapper)
  }

  remove(tapper: Tapper): void {
    this.#tappers.delete(tapper)
  }

  /** `source`, what it appends being seen as `before`. */
  onSource(source: Source): Source {
    return {
      name: source.name,
      stats: () => source.stats(),
      run: (sink, signal) => source.run(this.onSink(sink, source.name, ['before']), signal)
    }
  }

  /** `sink`, what `source` appends to it being seen as `sides`. A chunk that is refused and offered again is seen again. */
  onSink(sink: Appender, source: string, sides: readonly TapSide[]): Appender {
    return {
      append: (chunk, signal) => {
        if (this.#tappers.size > 0) this.#show(chunk, source, sides)
        return sink.append(chunk, signal)
      },
      cursors: (prefix) => sink.cursors(prefix)
    }
  }

  #show({ stream, records }: Chunk, source: string, sides: readonly TapSide[]): void {
    if (records.lens.length === 0) return
    for (const tapper of this.#tappers) {
      try {
        for (const side of sides) tapper.see({ source, side, stream, records })
      } catch {
        // Whoever looks on must not stop what he looks at.
        this.#tappers.delete(tapper)
      }
    }
  }
}
