export interface NumberOptions {
  readonly min?: number
  readonly max?: number
  /** From the unit of the app to ours. */
  readonly factor?: number
}

const decimal = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?$/i

/** A converted speed is exact to a millimetre a second, as in the `gps` source of the agent. */
const perUnit = 1000

/**
 * A message of an app: what is understood is taken out of it, all else stays as it came. Numbers may
 * be written as text, as query parameters are.
 */
export class LooseFields {
  readonly #left: Map<string, unknown>

  constructor(message: Readonly<Record<string, unknown>>) {
    this.#left = new Map(Object.entries(message))
  }

  get(name: string): unknown {
    return this.#left.get(name)
  }

  drop(...names: readonly string[]): void {
    for (const name of names) this.#left.delete(name)
  }

  /** Text that is not empty; a number as its text. Stays in the message. */
  text(name: string): string | undefined {
    const value = this.get(name)
    if (typeof value === 'number') return String(value)
    return typeof value === 'string' && value !== '' ? value : undefined
  }

  /**
   * Takes out a number within its range. One outside, as -1 for unknown, stays in the message; one that
   * is converted stays as well, since the conversion rounds.
   */
  takeNumber(name: string, options: NumberOptions = {}): number | undefined {
    const { min = -Infinity, max = Infinity, factor } = options
    const value = numberOf(this.get(name))
    if (value === undefined || value < min || value > max) return undefined
    if (factor !== undefined) return Math.round(value * factor * perUnit) / perUnit
    this.drop(name)
    return value
  }

  takeFlag(name: string): boolean | undefined {
    const value = this.get(name)
    const flag = value === 'true' ? true : value === 'false' ? false : value
    if (typeof flag !== 'boolean') return undefined
    this.drop(name)
    return flag
  }

  rest(): Readonly<Record<string, unknown>> {
    return Object.fromEntries(this.#left)
  }
}

export function numberOf(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined
  if (typeof value !== 'string' || !decimal.test(value)) return undefined
  const number = Number(value)
  return Number.isFinite(number) ? number : undefined
}
