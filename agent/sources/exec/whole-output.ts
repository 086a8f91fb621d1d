import type { Readable } from 'node:stream'
import { Intake } from '../intake.ts'

const gatherBytes = 64 * 1024

export interface Output {
  /** Without the newline at its end. */
  readonly data: Buffer
  /** More was printed than `data` holds. */
  readonly cut: boolean
}

/** Resolves with what `output` gives up to its end, or until `enough` aborts; at most `maxBytes`. */
export async function wholeOutput(
  output: Readable,
  maxBytes: number,
  enough: AbortSignal
): Promise<Output> {
  const intake = new Intake(output, gatherBytes)
  const nothing = Buffer.alloc(0)
  const pieces: Buffer[] = []
  // The newline at the end takes no room from the record.
  let roomBytes = maxBytes + 2
  let over = false
  try {
    for (let ended = false; !ended && !enough.aborted; ) {
      await intake.ready(enough)
      ended = intake.ended
      const piece = intake.takeBehind(nothing)
      if (piece.length > roomBytes) over = true
      const kept = piece.subarray(0, roomBytes)
      if (kept.length > 0) pieces.push(kept)
      roomBytes -= kept.length
    }
  } finally {
    intake.close()
  }
  const all = Buffer.concat(pieces)
  const data = over ? all : withoutNewline(all)
  return { data: data.subarray(0, maxBytes), cut: over || data.length > maxBytes }
}

function withoutNewline(bytes: Buffer): Buffer {
  if (bytes.at(-1) !== 10) return bytes
  return bytes.subarray(0, bytes.at(-2) === 13 ? -2 : -1)
}
