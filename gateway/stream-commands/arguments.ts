import { InvalidArgumentError } from 'commander'

/** A number of something, from 1. */
export function wholeNumber(text: string): number {
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('must be a whole number from 1.')
}
