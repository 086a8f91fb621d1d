import { createHmac, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import type { Clock } from '../../../../../shared/clock.ts'
import type { Random } from '../../../../../shared/random.ts'
import type { ShardPosition } from '../../../engine.ts'
import { WireError } from '../wire-error.ts'

const lifeMs = 300_000
const sealBytes = 16

/** Where a reader of a shard stands. */
export interface IteratorPlace {
  readonly stream: string
  /** Tells a stream from a later one with the same name. */
  readonly createdMs: number
  readonly shardIndex: number
  readonly position: ShardPosition
}

const contentShape = z.tuple([
  z.number(),
  z.object({
    stream: z.string(),
    createdMs: z.number(),
    shardIndex: z.number(),
    position: z.union([
      z.object({ at: z.enum(['start', 'end']) }),
      z.object({ at: z.literal('time'), timeMs: z.number() }),
      z.object({ at: z.enum(['sequence', 'after']), sequence: z.string() })
    ])
  })
])

/** Makes and reads shard iterators: at most 512 characters, sealed with a key of this life. */
export class ShardIterators {
  readonly #clock: Clock
  readonly #key: Buffer

  constructor(clock: Clock, random: Random) {
    this.#clock = clock
    this.#key = random.bytes(32)
  }

  seal(place: IteratorPlace): string {
    const content = Buffer.from(JSON.stringify([Math.floor(this.#clock.monoMs()), place]))
    return Buffer.concat([this.#sealOf(content), content]).toString('base64url')
  }

  /**
   * Throws `InvalidArgumentException` for what is no iterator, and `ExpiredIteratorException` for
   * one that is too old or has another seal. The latter is one of an earlier life in all honest
   * cases, and clients know what to do about an iterator that has expired.
   */
  open(iterator: string): IteratorPlace {
    const bytes = Buffer.from(iterator, 'base64url')
    const content = bytes.subarray(sealBytes)
    const parsed = contentShape.safeParse(parseJson(content))
    if (!parsed.success) throw new WireError('InvalidArgumentException', 'Invalid ShardIterator.')
    if (!timingSafeEqual(bytes.subarray(0, sealBytes), this.#sealOf(content))) {
      throw new WireError(
        'ExpiredIteratorException',
        'Iterator expired. It was not made since this server started.'
      )
    }
    const [madeMs, place] = parsed.data
    this.#requireFresh(this.#clock.monoMs() - madeMs)
    return place
  }

  #requireFresh(ageMs: number): void {
    if (ageMs <= lifeMs) return
    const nowMs = this.#clock.wallMs()
    throw new WireError(
      'ExpiredIteratorException',
      `Iterator expired. The iterator was created at time ${timeText(nowMs - ageMs)} while right ` +
        `now it is ${timeText(nowMs)} which is further in the future than the tolerated delay of ` +
        `${lifeMs} milliseconds.`
    )
  }

  #sealOf(content: Buffer): Buffer {
    return createHmac('sha256', this.#key).update(content).digest().subarray(0, sealBytes)
  }
}

/** `Thu Jan 22 01:22:02 UTC 2015` */
function timeText(wallMs: number): string {
  const [weekday, day, month, year, time] = new Date(wallMs).toUTCString().split(/,? /)
  return `${weekday} ${month} ${day} ${time} UTC ${year}`
}

/** Undefined for what is not JSON. */
function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString())
  } catch {
    return undefined
  }
}
