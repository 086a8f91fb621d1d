import { HeadwaterError } from '../errors.ts'

/** Reads typed fields from a decoded map; every error names the map and the field. */
export class Fields {
  readonly #what: string
  readonly #map: Readonly<Record<string, unknown>>

  constructor(value: unknown, what: string) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new HeadwaterError('invalid', `${what} must be a map`)
    }
    this.#what = what
    this.#map = value as Record<string, unknown>
  }

  get(name: string): unknown {
    return Object.hasOwn(this.#map, name) ? this.#map[name] : undefined
  }

  has(name: string): boolean {
    const value = this.get(name)
    return value !== undefined && value !== null
  }

  uint(name: string, max = Number.MAX_SAFE_INTEGER): number {
    return this.int(name, 0, max)
  }

  int(name: string, min: number, max: number): number {
    const value = integerOf(this.get(name))
    if (value === undefined || value < min || value > max) {
      this.fail(name, `must be an integer from ${min} to ${max}`)
    }
    return value
  }

  text(name: string): string {
    const value = this.get(name)
    if (typeof value !== 'string') this.fail(name, 'must be text')
    return value
  }

  bytes(name: string): Buffer {
    const value = this.get(name)
    if (!(value instanceof Uint8Array)) this.fail(name, 'must be a byte string')
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  }

  array(name: string): readonly unknown[] {
    const value = this.get(name)
    if (!Array.isArray(value)) this.fail(name, 'must be an array')
    return value
  }

  fail(name: string, problem: string): never {
    throw new HeadwaterError('invalid', `${this.#what}: field "${name}" ${problem}`)
  }
}

/** Integers arrive as numbers, as floats without a fraction, or as 64-bit integers. */
export function integerOf(value: unknown): number | undefined {
  if (typeof value === 'bigint') {
    const number = Number(value)
    return Number.isSafeInteger(number) ? number : undefined
  }
  return Number.isSafeInteger(value) ? (value as number) : undefined
}
