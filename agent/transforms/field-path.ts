import { type Fields, isFields, setField } from '../formats/fields.ts'

// `a.b` is the field `b` of the map `a`, or a field whose own name is `a.b` where there is one.

export function getField(fields: Fields, path: string): unknown {
  if (Object.hasOwn(fields, path)) return fields[path]
  const place = inner(fields, path)
  return place ? getField(place.fields, place.path) : undefined
}

/** Whether there was such a field. */
export function deleteField(fields: Fields, path: string): boolean {
  if (Object.hasOwn(fields, path)) return delete fields[path]
  const place = inner(fields, path)
  return place ? deleteField(place.fields, place.path) : false
}

/** Makes the maps on the way; what stands there and is no map is replaced. */
export function putField(fields: Fields, path: string, value: unknown): void {
  const dot = Object.hasOwn(fields, path) ? -1 : path.indexOf('.')
  if (dot <= 0 || dot === path.length - 1) return setField(fields, path, value)
  const name = path.slice(0, dot)
  const before = Object.hasOwn(fields, name) ? fields[name] : undefined
  const below: Fields = isFields(before) ? before : {}
  if (below !== before) setField(fields, name, below)
  putField(below, path.slice(dot + 1), value)
}

function inner(fields: Fields, path: string): { fields: Fields; path: string } | undefined {
  const dot = path.indexOf('.')
  const name = path.slice(0, Math.max(0, dot))
  const below = Object.hasOwn(fields, name) ? fields[name] : undefined
  return isFields(below) ? { fields: below, path: path.slice(dot + 1) } : undefined
}
