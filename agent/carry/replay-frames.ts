import { aborted } from '../../shared/aborted.ts'
import type { Clock } from '../../shared/clock.ts'
import { asHeadwaterError, HeadwaterError } from '../../shared/errors.ts'
import type { Log } from '../../shared/log.ts'
import type { Random } from '../../shared/random.ts'
import { Sender } from '../sender/sender.ts'
import type { Transport } from '../sender/transports/transport.ts'
import { CarriedFrames, type Refused } from './carried-frames.ts'
import type { CarriedFrame } from './read-export.ts'

export interface ReplayOptions {
  readonly transport: Transport
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** Aborts when the user has had enough. */
  readonly signal: AbortSignal
  /** Called now and then with the records that are settled so far. */
  readonly progress: (records: number) => void
}

export interface Replayed {
  /** Durable at the gateway, repeats included. */
  readonly records: number
  /** Records that the gateway refused for good, a line for a person each. */
  readonly refused: readonly string[]
  /** The user ended it before all was sent. */
  readonly ended: boolean
}

/** Somebody waits, so the gateway is asked again sooner than an agent would. */
const backoff = { firstMs: 500, maxMs: 15_000 } as const

const watchMs = 250

/**
 * Sends frames of one device under their own identity, so that the gateway drops what it has
 * already. Waits for a gateway that does not answer. Rejects with `unauthorized` and `forbidden`
 * when it does not take them from us, with `store_corrupt` when a file cannot be read any more.
 */
export async function replayFrames(
  frames: readonly CarriedFrame[],
  options: ReplayOptions
): Promise<Replayed> {
  const store = new CarriedFrames(frames)
  const sender = new Sender({ ...options, store, backoff })
  const watching = new AbortController()
  const stopped = AbortSignal.any([options.signal, watching.signal])
  await sender.start()
  try {
    await Promise.race([
      sender.idle(options.signal),
      watch(sender, { ...options, store, stopped }),
      mediumLost(store)
    ])
  } finally {
    watching.abort()
    await sender.stop(AbortSignal.abort())
  }
  const refused = store.refused.map(refusalText)
  const lost = store.refused.reduce((sum, { records }) => sum + records, 0)
  return {
    records: store.settledRecords - lost,
    refused,
    ended: store.streams().length > 0
  }
}

/** Rejects with `store_corrupt` when the files cannot be read to their end. */
async function mediumLost({ unreadable }: CarriedFrames): Promise<never> {
  await aborted(unreadable)
  const cause: unknown = unreadable.reason
  const message = `${asHeadwaterError(cause).message}; put the medium back and run the same command again, what has arrived is not stored twice`
  throw new HeadwaterError('store_corrupt', message, { cause })
}

async function watch(
  sender: Sender,
  options: ReplayOptions & { readonly store: CarriedFrames; readonly stopped: AbortSignal }
): Promise<void> {
  const { clock, stopped, store, progress } = options
  for (;;) {
    await clock.sleep(watchMs, stopped)
    if (stopped.aborted) return
    progress(store.settledRecords)
    const { unauthorized, heldStreams } = sender.stats()
    if (unauthorized) {
      const message =
        'the gateway does not know the token; it takes that of the device: --token-file'
      throw new HeadwaterError('unauthorized', message)
    }
    const [held] = heldStreams
    if (held) {
      const message = `the gateway does not take stream ${held.stream} from us (${held.code})`
      throw new HeadwaterError(held.code === 'ok' ? 'internal' : held.code, message)
    }
  }
}

function refusalText({ frame, code, reason, records }: Refused): string {
  const { stream, first, count } = frame.header
  const where = `stream ${stream}, numbers ${first} to ${first + count - 1}`
  return `${records} record(s) of ${where} refused: ${code}: ${reason}`
}
