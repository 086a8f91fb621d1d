/** A record that was understood: names and values as JSON has them; a whole number may be a bigint. */
export type Fields = Record<string, unknown>

/** Sets a field whatever its name is; plain assignment to `__proto__` would lose the value. */
export function setField(fields: Fields, name: string, value: unknown): void {
  if (name !== '__proto__') {
    fields[name] = value
    return
  }
  const plain = { value, writable: true, enumerable: true, configurable: true }
  Object.defineProperty(fields, name, plain)
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
