import type { Writable } from 'node:stream'
import { pino } from 'pino'
import type { Log } from '../../shared/log.ts'

interface Line {
  readonly msg: string
  readonly error?: { readonly message?: string }
  readonly reason?: string
}

/** Warnings and errors as a line each for a person, in place of JSON. */
export function plainLog(out: Writable): Log {
  return pino(
    { level: 'warn', errorKey: 'error' },
    {
      write: (line) => {
        const { msg, error, reason } = JSON.parse(line) as Line
        const why = error?.message ?? reason
        out.write(`${msg}${why === undefined ? '' : `: ${why}`}\n`)
      }
    }
  )
}
