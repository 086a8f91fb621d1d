import type { Fix } from './take-fix.ts'
import type { TrackerPoint } from './tracker-point.ts'

/** What every app says, in the names and units of the agent's `gps` source; what is unknown is absent. */
export interface PointFacts {
  /** Metres above mean sea level. */
  readonly alt?: number | undefined
  /** Over ground, metres per second. */
  readonly speed?: number | undefined
  /** Over ground, degrees from true north. */
  readonly course?: number | undefined
  /** Horizontal, metres. */
  readonly accuracy?: number | undefined
  readonly hdop?: number | undefined
  /** Percent. */
  readonly battery?: number | undefined
  readonly charging?: boolean | undefined
}

export interface PointParts extends Pick<TrackerPoint, 'repeatable'> {
  readonly protocol: 'osmand' | 'owntracks'
  readonly fix: Fix
  readonly facts: PointFacts
  /** All that the others do not say, as it came. */
  readonly source: Readonly<Record<string, unknown>>
  /** The time the message gives, if it can be. Milliseconds since the epoch. */
  readonly ownTimeMs: number | undefined
  readonly nowMs: number
}

/**
 * The record of a message. A point is never refused for what it says: an app would send it again for
 * ever, and no later one before it. The attributes `fix` and `time` say what is missing.
 */
export function encodePoint(parts: PointParts): TrackerPoint {
  const { protocol, fix, facts, source, ownTimeMs, nowMs, repeatable } = parts
  return {
    timeMs: ownTimeMs ?? nowMs,
    data: Buffer.from(JSON.stringify({ ...fix.position, ...facts, source })),
    attributes: {
      protocol,
      ...(fix.state === 'good' ? {} : { fix: fix.state }),
      ...(ownTimeMs === undefined ? { time: 'arrival' } : {})
    },
    repeatable
  }
}
