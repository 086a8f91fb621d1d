import { HeadwaterError } from '../../../shared/errors.ts'

/** What a library threw, as ours, with the name of the gateway in front. */
export function transportFailure(name: string, cause: unknown): HeadwaterError {
  return new HeadwaterError('transport', `${name}: ${reasonOf(cause)}`, { cause })
}

function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause)
  // Where several addresses were tried, Node leaves the message empty and has only the code.
  return cause.message || ('code' in cause ? String(cause.code) : cause.name)
}
