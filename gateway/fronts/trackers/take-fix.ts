import { type LooseFields, numberOf } from './loose-fields.ts'

/**
 * Where a message says it is. Without a position: `none` when it does not say, `invalid` when what it
 * says cannot be.
 */
export type Fix =
  | { readonly state: 'good'; readonly position: { readonly lat: number; readonly lon: number } }
  | { readonly state: 'none' | 'invalid'; readonly position?: undefined }

/** Takes a position out of the members of these names; where there is none they stay. */
export function takeFix(fields: LooseFields, latitude: string, longitude: string): Fix {
  const fix = fixOf(fields.get(latitude), fields.get(longitude))
  if (fix.state === 'good') fields.drop(latitude, longitude)
  return fix
}

/**
 * A latitude beyond a pole is none, and neither is exactly 0, 0: apps send it before they know better,
 * and it is open sea.
 */
export function fixOf(latitude: unknown, longitude: unknown): Fix {
  if (latitude === undefined && longitude === undefined) return { state: 'none' }
  const lat = numberOf(latitude)
  const lon = numberOf(longitude)
  const isPossible =
    lat !== undefined && lon !== undefined && Math.abs(lat) <= 90 && Math.abs(lon) <= 180
  if (!isPossible || (lat === 0 && lon === 0)) return { state: 'invalid' }
  return { state: 'good', position: { lat, lon } }
}
