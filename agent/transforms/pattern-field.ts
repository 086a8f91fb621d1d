import { z } from 'zod'

/** A regular expression of the operator. It is trusted, as the rest of the configuration is. */
export function patternField() {
  return z
    .string()
    .min(1)
    .refine(isPattern, 'must be a regular expression as JavaScript has them, without slashes')
    .meta({ title: 'pattern' })
}

function isPattern(text: string): boolean {
  try {
    return new RegExp(text, 'u') instanceof RegExp
  } catch {
    return false
  }
}
