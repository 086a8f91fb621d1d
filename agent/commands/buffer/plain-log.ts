import { pino } from 'pino'
import type { Log } from '../../../shared/log.ts'
import { printable } from '../../../shared/printable.ts'

/** Warnings and errors as a line each for a person, in place of JSON. */
export function plainLog(print: (text: string) => void): Log {
  return pino(
    { level: 'warn', errorKey: 'error' },
    {
      write: (line) => {
        const { msg, why, error } = JSON.parse(line) as Line
        const reason = why ?? error?.message
        print(printable(reason === undefined ? msg : `${msg}: ${reason}`))
      }
    }
  )
}

interface Line {
  readonly msg: string
  readonly why?: string
  readonly error?: { readonly message?: string }
}
