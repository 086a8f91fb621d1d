import { encodePoint } from './encode-point.ts'
import { LooseFields } from './loose-fields.ts'
import { type NamedPoint, takeCourse } from './osmand.ts'
import { mapOf, parseMessage } from './parse-message.ts'
import { pointTimeMs } from './point-time.ts'
import { takeFix } from './take-fix.ts'

/**
 * A message of Traccar Client 9, `{ location: { timestamp, coords, battery, … }, device_id }`, see
 * https://www.traccar.org/osmand/. Throws `invalid` for text that is no JSON object.
 */
export function decodeOsmandJson(text: string, nowMs: number): NamedPoint {
  const message = parseMessage(text)
  const location = mapOf(message['location'])
  const coords = new LooseFields(mapOf(location['coords']))
  const battery = new LooseFields(mapOf(location['battery']))
  const ownTimeMs = pointTimeMs(location['timestamp'], nowMs)
  const fix = takeFix(coords, 'latitude', 'longitude')
  const facts = {
    alt: coords.takeNumber('altitude'),
    speed: coords.takeNumber('speed', { min: 0 }),
    course: takeCourse(coords, 'heading'),
    accuracy: coords.takeNumber('accuracy', { min: 0 }),
    battery: battery.takeNumber('level', { min: 0, max: 1, factor: 100 }),
    charging: battery.takeFlag('is_charging')
  }
  const left = { ...location, coords: coords.rest(), battery: battery.rest() }
  return {
    tracker: new LooseFields(message).text('device_id'),
    point: encodePoint({
      protocol: 'osmand',
      fix,
      facts,
      source: { ...message, location: left },
      ownTimeMs,
      nowMs,
      repeatable: ownTimeMs !== undefined
    })
  }
}
