export const levels = ['OK', 'WARN', 'FAIL'] as const

export type Level = (typeof levels)[number]

/** One thing that was looked at. */
export interface Finding {
  readonly level: Level
  readonly what: string
  /** What a person can do about it. */
  readonly todo?: string
}

/** A finding and the part of the machine it is about. */
export interface PlacedFinding extends Finding {
  readonly area: string
}

export function ok(what: string): Finding {
  return { level: 'OK', what }
}

export function warn(what: string, todo: string): Finding {
  return { level: 'WARN', what, todo }
}

export function fail(what: string, todo: string): Finding {
  return { level: 'FAIL', what, todo }
}

/** `ENOENT` and other codes of the system, else the message. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const code = 'code' in error ? String(error.code) : ''
  return /^[A-Z]/.test(code) ? code : error.message
}
