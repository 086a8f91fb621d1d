import { matchAt, readable } from './syslog-bytes.ts'
import type { SyslogMessage } from './syslog-message.ts'
import { type FoundTime, isoTimeAt, namedTimeAt } from './syslog-time.ts'

interface Legacy {
  readonly fields: Omit<SyslogMessage, 'facility' | 'severity'>
  /** Whether a time was found where one belongs. */
  readonly timed: boolean
}

/** Cisco IOS puts a count, a name, or both before the time, and a mark when the clock is not sure. */
const prelude = /(?:\d+: )?(?:([\w.:-]{1,255}): )?([*.]?)(?=[A-Z][a-z]{2} |\d{4}-)/y
const host = /([\w.:%-]{1,255}) +/y
const tag = /([^\s:[\]]{1,128})(?:\[([^\]\s]{0,128})\]:?|:)(?: |$)/y

/** What follows the priority, by RFC 3164 and as rsyslog, Cisco and small devices write it. */
export function parseLegacy(text: string, from: number, nowMs: number): Legacy {
  const start = skipBlanks(text, from)
  const before = matchAt(prelude, text, start)
  const timeAt = start + (before?.[0].length ?? 0)
  const time = isoTimeAt(text, timeAt) ?? namedTimeAt(text, timeAt, nowMs)
  if (!time) return { fields: tagged(text, start), timed: false }
  // `*`: the clock was never set. Behind the time a colon may stand.
  const trusted: FoundTime = before?.[2] === '*' ? { end: time.end } : time
  let at = time.end
  if (text[at] === ':') at += 1
  at = skipBlanks(text, at)
  const name = before?.[1]
  const found = name === undefined ? hostAt(text, at) : undefined
  if (found) at = found.end
  const named = name ?? found?.host
  return {
    timed: true,
    fields: {
      ...(trusted.timeMs === undefined ? {} : { timeMs: trusted.timeMs }),
      ...(named === undefined ? {} : { host: named }),
      ...tagged(text, at)
    }
  }
}

/** A word that is not a tag and is followed by something. */
function hostAt(text: string, at: number): { host: string; end: number } | undefined {
  if (matchAt(tag, text, at)) return undefined
  const match = matchAt(host, text, at)
  if (!match?.[1]) return undefined
  let end = at + match[0].length
  // Cisco ASA: `name : %ASA-6-…`.
  if (text.startsWith(': ', end)) end += 2
  return { host: match[1], end }
}

function tagged(text: string, at: number): Pick<SyslogMessage, 'app' | 'pid' | 'message'> {
  const match = matchAt(tag, text, at)
  if (!match) return { message: readable(text.slice(at)) }
  const [all, app = '', pid] = match
  return {
    app: readable(app),
    ...(pid ? { pid: readable(pid) } : {}),
    message: readable(text.slice(at + all.length))
  }
}

function skipBlanks(text: string, from: number): number {
  let at = from
  while (text[at] === ' ') at += 1
  return at
}
