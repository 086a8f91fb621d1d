import { facilityNames, type SyslogMessage, severityNames } from '../../formats/syslog-message.ts'
import { parseSyslog } from '../../formats/syslog.ts'
import { type Attributes, isPartitionKey } from '../../../shared/record.ts'
import type { InboxRecord } from '../inbox.ts'

/** A time further ahead, or further back, is that of a clock that is not set. Milliseconds. */
const aheadMs = 86_400_000
const behindMs = 366 * 86_400_000

export type SyslogKey = 'host' | 'device' | 'app'

interface RecordRules {
  readonly key: SyslogKey
  /** The partition key of messages that do not have what `key` names. */
  readonly partitionKey: string
  /** Keep the bytes instead of the fields. */
  readonly raw: boolean
}

/** A message as it came. */
export interface Received {
  /** The record may keep them. */
  readonly bytes: Buffer
  readonly peer: string
  readonly cut: boolean
  readonly nowMs: number
}

/** The record of a message; one that cannot be parsed is kept as it is and marked. */
export function messageRecord(
  { bytes, peer, cut, nowMs }: Received,
  rules: RecordRules
): InboxRecord {
  const message = parseSyslog(bytes, nowMs)
  const attributes: Attributes = {
    peer,
    ...(cut ? { truncated: 'true' } : {}),
    ...(message ? {} : { unparsed: 'true' })
  }
  if (!message) return { data: bytes, partitionKey: rules.partitionKey, time: nowMs, attributes }
  const ownMs = sane(message.timeMs, nowMs)
  return {
    data: rules.raw ? bytes : Buffer.from(JSON.stringify(named(message))),
    partitionKey: keyOf(message, rules),
    time: ownMs ?? nowMs,
    hasOwnTime: ownMs !== undefined,
    attributes
  }
}

/** With the names of facility and severity, and the time in ISO 8601. */
function named({ facility, severity, timeMs, ...fields }: SyslogMessage): object {
  return {
    facility: facilityNames[facility],
    severity: severityNames[severity],
    ...(timeMs === undefined ? {} : { time: new Date(timeMs).toISOString() }),
    ...fields
  }
}

function keyOf(message: SyslogMessage, { key, partitionKey }: RecordRules): string {
  const wanted = key === 'device' ? undefined : message[key]
  return isPartitionKey(wanted) ? wanted : partitionKey
}

function sane(timeMs: number | undefined, nowMs: number): number | undefined {
  if (timeMs === undefined) return undefined
  return timeMs <= nowMs + aheadMs && timeMs >= nowMs - behindMs ? timeMs : undefined
}
