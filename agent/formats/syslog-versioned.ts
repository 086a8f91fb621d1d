import { matchAt, readable } from './syslog-bytes.ts'
import type { SyslogMessage } from './syslog-message.ts'
import { isoTimeAt } from './syslog-time.ts'

type Fields = Omit<SyslogMessage, 'facility' | 'severity'>

const version = /[1-9]\d{0,2} +/y
const word = /(\S+)(?: +|$)/y
const elementStart = /\[([^\s=\]"]+)/y
const parameterStart = / +([^\s=\]"]+)="/y
const elementEnd = / *\]/y
const byteOrderMark = '\xef\xbb\xbf'

/**
 * What follows the priority, by RFC 5424; undefined when it is not that. Fields that are missing at
 * the end are absent; structured data that is broken off is left in the message.
 */
export function parseVersioned(text: string, from: number): Fields | undefined {
  let at = from + (matchAt(version, text, from)?.[0].length ?? 0)
  if (at === from) return undefined
  const time = text[at] === '-' ? { end: at + 1 } : isoTimeAt(text, at)
  if (!time || !/^ ?$/.test(text.slice(time.end, time.end + 1))) return undefined
  at = afterSpaces(text, time.end)
  const words: (string | undefined)[] = []
  for (let i = 0; i < 4; i++) {
    const match = matchAt(word, text, at)
    if (!match) break
    words.push(match[1] === '-' ? undefined : readable(match[1] ?? ''))
    at += match[0].length
  }
  const [host, app, pid, msgId] = words
  const structured = structuredData(text, at)
  let message = text.slice(structured.end)
  if (message.startsWith(byteOrderMark)) message = message.slice(byteOrderMark.length)
  return {
    ...('timeMs' in time ? { timeMs: time.timeMs } : {}),
    ...(host === undefined ? {} : { host }),
    ...(app === undefined ? {} : { app }),
    ...(pid === undefined ? {} : { pid }),
    ...(msgId === undefined ? {} : { msgId }),
    ...(structured.data ? { data: structured.data } : {}),
    message: readable(message)
  }
}

interface Structured {
  readonly data?: SyslogMessage['data']
  /** Where the message begins. */
  readonly end: number
}

function structuredData(text: string, from: number): Structured {
  if (text[from] === '-' && /^ ?$/.test(text.slice(from + 1, from + 2))) return { end: from + 2 }
  const elements = new Map<string, Map<string, string>>()
  let at = from
  for (;;) {
    const start = matchAt(elementStart, text, at)
    if (!start) break
    const name = readable(start[1] ?? '')
    const parameters = elements.get(name) ?? new Map<string, string>()
    at = addParameters(text, at + start[0].length, parameters)
    const end = matchAt(elementEnd, text, at)
    if (!end) return { end: from }
    elements.set(name, parameters)
    at += end[0].length
  }
  if (elements.size === 0) return { end: from }
  // From entries, so that no name reaches a prototype.
  const data = Object.fromEntries(
    Array.from(elements, ([name, parameters]) => [name, Object.fromEntries(parameters)])
  )
  return { data, end: text[at] === ' ' ? at + 1 : at }
}

/** Returns where the parameters end. */
function addParameters(text: string, from: number, parameters: Map<string, string>): number {
  let at = from
  for (;;) {
    const match = matchAt(parameterStart, text, at)
    if (!match) return at
    const start = at + match[0].length
    const end = closingQuote(text, start)
    if (end === undefined) return at
    const name = readable(match[1] ?? '')
    const value = readable(text.slice(start, end).replace(/\\(["\\\]])/g, '$1'))
    const before = parameters.get(name)
    parameters.set(name, before === undefined ? value : `${before},${value}`)
    at = end + 1
  }
}

function closingQuote(text: string, from: number): number | undefined {
  for (let at = from; at < text.length; at++) {
    if (text[at] === '"') return at
    if (text[at] === '\\') at += 1
  }
  return undefined
}

function afterSpaces(text: string, from: number): number {
  let at = from
  while (text[at] === ' ') at += 1
  return at
}
