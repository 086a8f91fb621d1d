import { HeadwaterError } from '../../shared/errors.ts'

/** Reads the value of a flag that is a whole number of at least `min`. Throws `config`. */
export function wholeNumber(flag: string, min: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (Number.isSafeInteger(value) && value >= min) return value
    throw new HeadwaterError(
      'config',
      `${flag}: must be a whole number of at least ${min}, not ${text}`
    )
  }
}
