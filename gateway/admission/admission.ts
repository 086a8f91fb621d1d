import type { Component } from '../../shared/component.ts'
import type { RecordColumns } from '../../shared/record.ts'
import type { Ack } from '../../shared/wire/ack.ts'
import type { BatchHeader } from '../../shared/wire/batch.ts'

export interface Credentials {
  /** The device that the sender says it is (MQTT user name); HTTP has only the token. */
  readonly device?: string
  /** A device's own token, or a JWT. */
  readonly token?: string
  /** What the peer showed in a TLS handshake that vouches for it. */
  readonly certificate?: Certificate
  /** Whether the peer's address is loopback. */
  readonly loopback: boolean
  /** The peer's address, for the log. */
  readonly address?: string
}

export interface Certificate {
  /** Common name of its subject; undefined: it has none, or several. */
  readonly name: string | undefined
  /** End of its validity. Milliseconds since 1970. */
  readonly expiresMs: number
}

/** Who is on the other side of a connection. */
export interface Principal {
  /** Undefined: anybody on loopback while authentication is off. */
  readonly device: string | undefined
  /** Streams it may write to; undefined: all. */
  readonly streams?: readonly string[]
  /** Groups whose configuration it is given; undefined: none. */
  readonly groups?: readonly string[]
  /** May read and administer streams; so may anybody on loopback while authentication is off. */
  readonly admin?: boolean
  /** Aborts when its access is revoked or ends: its connections are closed. */
  readonly revoked: AbortSignal
}

/** Name that the records of senders without a device go by; no device has it. */
export const anonymousDevice = 'anonymous'

/** Records of one stream as a front understood them; nothing has been checked but their form. */
export interface IncomingBatch {
  readonly principal: Principal
  readonly stream: string
  readonly records: RecordColumns
  /** Given by an agent; anything else is stamped with the gateway's own identity. */
  readonly header?: Omit<BatchHeader, 'stream' | 'count'>
  /** Makes a batch without identity repeatable for a day. */
  readonly idempotencyKey?: string
  /** What it took on the wire, for quotas. */
  readonly wireBytes: number
}

/** Who may send, how much, in what order; is it well-formed. The way into the gateway. */
export interface Admission extends Component {
  /** Rejects with `unauthorized`. */
  authenticate(credentials: Credentials): Promise<Principal>
  /**
   * Resolves with the verdict on the batch when it is final: `ok` when every record that is not in
   * `rejected` is durable. Never rejects. For one principal and stream, calls made in order are
   * admitted in order. A repeat of a batch that is still under way gets the answer of the first.
   */
  admit(batch: IncomingBatch): Promise<Ack>
  /** The account of a device; undefined: nothing ever came of it. */
  ledger(device: string): Promise<DeviceLedger | undefined>
  stats(): AdmissionStats
}

/** What came of one device, and what became of it. Counts are records. */
export interface DeviceLedger {
  readonly device: string
  /** Those that were judged: the sum of `stored`, `repeated` and all of `rejected`. */
  readonly received: number
  readonly stored: number
  /** Stored before, and left out when they came again. */
  readonly repeated: number
  /** Refused for good, by code; a repeat of one is refused again and counted again. */
  readonly rejected: Readonly<Record<string, number>>
  /** In batches that were not taken as they were, by code; their sender still has them. */
  readonly turnedAway: Readonly<Record<string, number>>
  /** What the received ones took on the wire. */
  readonly bytes: number
  /** ISO 8601. */
  readonly firstSeen: string
  readonly lastSeen: string
  /** How often the gateway was killed since: each time the last seconds of the counts may lack. */
  readonly gaps: number
}

export interface AdmissionStats {
  readonly receivedRecords: number
  readonly receivedBytes: number
  readonly storedRecords: number
  readonly repeatedRecords: number
  /** Counts of records by the code they were refused with for good. */
  readonly rejectedRecords: Readonly<Record<string, number>>
  /** Counts of batches by the code they were answered with. */
  readonly answers: Readonly<Record<string, number>>
  /** Sources whose order and repeats are remembered. */
  readonly sources: number
  /** How much was forgotten because a table was full, by table: `sources`, `keys`, `quotas`, `ledgers`. */
  readonly forgotten: Readonly<Record<string, number>>
}
