import type { Writable } from 'node:stream'
import { pino } from 'pino'
import type { Log } from '../../shared/log.ts'

/** Warnings and errors as a line each for a person, in place of JSON. */
export function plainLog(out: Writable): Log {
  return pino(
    { level: 'warn', errorKey: 'error' },
    {
      write: (line) => {
        const { msg, error } = JSON.parse(line) as { msg: string; error?: { message?: string } }
        out.write(`${msg}${error?.message === undefined ? '' : `: ${error.message}`}\n`)
      }
    }
  )
}
