import { type Logger, pino } from 'pino'

export type Log = Logger
export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const
export type LogLevel = (typeof logLevels)[number]

/**
 * JSON lines on standard error. warn: unexpected, nothing lost; error: data lost or a person must act.
 * The error's field is always `error`.
 */
export function createLog(program: string, level: LogLevel = 'info'): Log {
  return pino(
    {
      name: program,
      level,
      errorKey: 'error',
      base: { name: program },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: {
        paths: ['token', 'password', 'authorization', '*.token', '*.password'],
        censor: '***'
      }
    },
    pino.destination({ fd: 2, sync: true })
  )
}
