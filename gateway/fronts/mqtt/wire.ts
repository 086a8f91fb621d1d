import type { Brake } from './brake.ts'
import type { CloseReason } from './keepalive.ts'
import type { Outbound } from './outbound.ts'
import type { ReadGate } from './read-gate.ts'

/** What a session needs of the connection under it. */
export interface Wire {
  readonly outbound: Outbound
  readonly brake: Brake
  readonly gate: ReadGate
  /** Whether more may be written; closes the connection of a client that leaves too much unread. */
  heedBound(): boolean
  close(reason: CloseReason): void
}
