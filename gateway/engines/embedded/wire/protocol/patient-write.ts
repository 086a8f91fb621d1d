import { once } from 'node:events'
import type { Clock } from '../../../../../shared/clock.ts'
import type { HttpResponse } from '../transport/http-exchange.ts'

/** A client that takes nothing for so long is cut off: it would hold its answer for ever. */
const stallMs = 60_000

/** What is handed over at once: a client that takes less of it in `stallMs` is cut off. Bytes. */
const pieceBytes = 256 * 1024
/** Not worth a watch: a connection holds as much in any case. Bytes. */
const smallBytes = 64 * 1024

interface Taking {
  readonly clock: Clock
  /** Gives up the wait. */
  readonly signal: AbortSignal
}

/** Resolves when the client has taken what was written; rejects when it is gone, and on `signal`. */
export async function taken(
  response: HttpResponse,
  event: 'drain' | 'finish',
  { clock, signal }: Taking
): Promise<void> {
  const done = new AbortController()
  void clock.sleep(stallMs, done.signal).then(() => {
    if (!done.signal.aborted) response.destroy()
  })
  try {
    await once(response, event, { signal })
  } finally {
    done.abort()
  }
}

/**
 * Ends an answer with `body`, piece by piece. Resolves when the client has it, or is gone, which
 * `signal` tells.
 */
export async function sendBody(
  response: HttpResponse,
  body: Buffer,
  taking: Taking
): Promise<void> {
  if (body.length <= smallBytes) {
    response.end(body)
    return
  }
  try {
    let at = 0
    for (; at + pieceBytes < body.length; at += pieceBytes) {
      const hasRoom = response.write(body.subarray(at, at + pieceBytes))
      if (!hasRoom) await taken(response, 'drain', taking)
    }
    const finished = taken(response, 'finish', taking)
    response.end(body.subarray(at))
    await finished
  } catch {
    response.destroy()
  }
}
