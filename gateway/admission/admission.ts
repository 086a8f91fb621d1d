import type { Component } from '../../shared/component.ts'
import type { RecordColumns } from '../../shared/record.ts'
import type { Ack } from '../../shared/wire/ack.ts'
import type { BatchHeader } from '../../shared/wire/batch.ts'

export interface Credentials {
  /** The device that the sender says it is (MQTT user name); HTTP has only the token. */
  readonly device?: string
  readonly token?: string
  /** Whether the peer's address is loopback. */
  readonly loopback: boolean
}

/** Who is on the other side of a connection. */
export interface Principal {
  /** Undefined: anybody on loopback while authentication is off. */
  readonly device: string | undefined
  /** Streams it may write to; undefined: all. */
  readonly streams?: readonly string[]
  /** May read and administer streams; so may anybody on loopback while authentication is off. */
  readonly admin?: boolean
  /** Aborts when its access is revoked: its connections are closed. */
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
  stats(): AdmissionStats
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
  /** How much was forgotten because a table was full, by table: `sources`, `keys`, `quotas`. */
  readonly forgotten: Readonly<Record<string, number>>
}
