import { isUtf8 } from 'node:buffer'
import { asHeadwaterError } from '../../../shared/errors.ts'
import { encodePoint } from './encode-point.ts'
import { LooseFields } from './loose-fields.ts'
import { takeCourse } from './osmand.ts'
import { parseMessage } from './parse-message.ts'
import { pointTimeMs } from './point-time.ts'
import { takeFix } from './take-fix.ts'
import type { TrackerPoint } from './tracker-point.ts'

/** Those that tell where the phone is; the coordinates of others are of something else. */
const placed: readonly unknown[] = ['location', 'transition']

const metresPerSecondOfKmh = 1 / 3.6

/** `bs` of a battery that is charging or full, and of one that is not. */
const charging: ReadonlyMap<unknown, boolean> = new Map([
  [1, false],
  [2, true],
  [3, true]
])

/**
 * A message of OwnTracks, of any `_type`, see https://owntracks.org/booklet/tech/json/. Throws
 * `invalid` for text that is no JSON object.
 */
export function decodeOwntracks(text: string, nowMs: number): TrackerPoint {
  const fields = new LooseFields(parseMessage(text))
  const type = fields.get('_type')
  // A will was written when the phone connected and is sent when it is gone.
  const ownTimeMs = type === 'lwt' ? undefined : pointTimeMs(fields.get('tst'), nowMs)
  const isPlaced = placed.includes(type)
  // Each encryption of a message is another, so two that are equal are one that came twice.
  const isUnique = type === 'encrypted' || fields.text('_id') !== undefined
  return encodePoint({
    protocol: 'owntracks',
    fix: isPlaced ? takeFix(fields, 'lat', 'lon') : { state: 'none' },
    facts: isPlaced ? takeFacts(fields) : {},
    source: fields.rest(),
    ownTimeMs,
    nowMs,
    repeatable: isUnique || (isPlaced && ownTimeMs !== undefined)
  })
}

/** The same of bytes, for a way on which nothing can be refused: what is no JSON object stays as it is. */
export function readOwntracks(payload: Buffer, nowMs: number): TrackerPoint {
  try {
    if (isUtf8(payload)) return decodeOwntracks(payload.toString(), nowMs)
  } catch (thrown) {
    if (asHeadwaterError(thrown).code !== 'invalid') throw thrown
  }
  const attributes = { protocol: 'owntracks', form: 'raw', fix: 'none', time: 'arrival' }
  return { timeMs: nowMs, data: payload, attributes, repeatable: false }
}

function takeFacts(fields: LooseFields) {
  return {
    alt: fields.takeNumber('alt'),
    speed: fields.takeNumber('vel', { min: 0, factor: metresPerSecondOfKmh }),
    course: takeCourse(fields, 'cog'),
    accuracy: fields.takeNumber('acc', { min: 0 }),
    battery: fields.takeNumber('batt', { min: 0, max: 100 }),
    charging: charging.get(fields.get('bs'))
  }
}
