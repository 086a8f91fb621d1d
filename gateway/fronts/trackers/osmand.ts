import { encodePoint } from './encode-point.ts'
import { LooseFields } from './loose-fields.ts'
import { pointTimeMs } from './point-time.ts'
import { type Fix, fixOf, takeFix } from './take-fix.ts'
import type { TrackerPoint } from './tracker-point.ts'

/** A point, and the tracker it is of as far as the message says. */
export interface NamedPoint {
  readonly tracker: string | undefined
  readonly point: TrackerPoint
}

const metresPerSecondOfKnots = 1852 / 3600

/**
 * A message of the OsmAnd protocol: parameters of a query, a form, or both, see
 * https://www.traccar.org/osmand/. A parameter that comes several times is a list.
 */
export function decodeOsmand(parameters: URLSearchParams, nowMs: number): NamedPoint {
  const fields = new LooseFields(gather(parameters))
  const ownTimeMs = pointTimeMs(fields.get('timestamp'), nowMs)
  const fix = takeParameterFix(fields)
  const facts = {
    alt: fields.takeNumber('altitude'),
    speed: fields.takeNumber('speed', { min: 0, factor: metresPerSecondOfKnots }),
    course: takeCourse(fields, 'bearing') ?? takeCourse(fields, 'heading'),
    accuracy: fields.takeNumber('accuracy', { min: 0 }),
    hdop: fields.takeNumber('hdop', { min: 0 }),
    battery: fields.takeNumber('batt', { min: 0, max: 100 }),
    charging: fields.takeFlag('charge')
  }
  return {
    tracker: fields.text('id') ?? fields.text('deviceid'),
    point: encodePoint({
      protocol: 'osmand',
      fix,
      facts,
      source: fields.rest(),
      ownTimeMs,
      nowMs,
      repeatable: ownTimeMs !== undefined
    })
  }
}

export function takeCourse(fields: LooseFields, name: string): number | undefined {
  return fields.takeNumber(name, { min: 0, max: 360 })
}

function gather(parameters: URLSearchParams): Record<string, unknown> {
  const gathered = new Map<string, string | string[]>()
  for (const [name, value] of parameters) {
    const before = gathered.get(name)
    if (before === undefined) gathered.set(name, value)
    else if (typeof before === 'string') gathered.set(name, [before, value])
    else before.push(value)
  }
  return Object.fromEntries(gathered)
}

/** `lat` and `lon`, or `location=lat,lon`; with `valid=false` they are of an earlier place. */
function takeParameterFix(fields: LooseFields): Fix {
  const pair = /^([^,]*),([^,]*)$/.exec(fields.text('location') ?? '')
  if (['false', '0'].includes(fields.text('valid') ?? '')) {
    return { state: pair || fields.text('lat') ? 'invalid' : 'none' }
  }
  if (!pair || fields.text('lat')) return takeFix(fields, 'lat', 'lon')
  const fix = fixOf(pair[1], pair[2])
  if (fix.state === 'good') fields.drop('location')
  return fix
}
