import { byteText, matchAt } from './syslog-bytes.ts'
import { parseLegacy } from './syslog-legacy.ts'
import type { SyslogMessage } from './syslog-message.ts'
import { parseVersioned } from './syslog-versioned.ts'

export type { SyslogMessage } from './syslog-message.ts'

/** user.notice, which RFC 3164 section 4.3.3 gives to what has no priority. */
const defaultPriority = 13

/**
 * The message of one line or datagram, by RFC 5424 or else by RFC 3164 and what devices make of it.
 * `nowMs` gives a time without a year the year that is nearest. Undefined when it has neither a
 * priority nor, as in log files, a time at its beginning. Never throws.
 */
export function parseSyslog(line: string | Buffer, nowMs: number): SyslogMessage | undefined {
  const text = byteText(line)
  const match = matchAt(/<(\d{1,3})>/y, text, 0)
  if (!match) {
    const parsed = parseLegacy(text, 0, nowMs)
    return parsed.timed ? { ...levels(defaultPriority), ...parsed.fields } : undefined
  }
  const priority = Number(match[1])
  if (priority > 191) return undefined
  const at = match[0].length
  const fields = parseVersioned(text, at) ?? parseLegacy(text, at, nowMs).fields
  return { ...levels(priority), ...fields }
}

function levels(priority: number): Pick<SyslogMessage, 'facility' | 'severity'> {
  return { facility: priority >> 3, severity: priority & 7 }
}
