/** Told whether the first copy of a message became durable. */
export type OnSettled = (stored: boolean) => void

interface Entry {
  stored: boolean
  waiting: OnSettled[]
}

/**
 * Packet ids of one client's QoS 2 messages from their PUBLISH to their PUBREL: the same id in
 * between is the same message, also over a new connection of the same session.
 */
export class Qos2Session {
  readonly #entries = new Map<number, Entry>()

  get size(): number {
    return this.#entries.size
  }

  state(packetId: number): 'unknown' | 'pending' | 'stored' {
    const entry = this.#entries.get(packetId)
    if (!entry) return 'unknown'
    return entry.stored ? 'stored' : 'pending'
  }

  /** A new message, not durable yet. */
  begin(packetId: number): void {
    this.#entries.set(packetId, { stored: false, waiting: [] })
  }

  /** Calls back when the pending message is durable or given up. */
  wait(packetId: number, onSettled: OnSettled): void {
    this.#entries.get(packetId)?.waiting.push(onSettled)
  }

  /** The message is durable; its id is kept until `release`. */
  stored(packetId: number): void {
    const entry = this.#entries.get(packetId)
    if (!entry) return
    entry.stored = true
    settle(entry, true)
  }

  /** The message was given up before it was durable: the id is free for a new attempt. */
  forget(packetId: number): void {
    const entry = this.#entries.get(packetId)
    if (!entry) return
    this.#entries.delete(packetId)
    settle(entry, false)
  }

  /** PUBREL: the client will not send this message again. */
  release(packetId: number): void {
    this.#entries.delete(packetId)
  }
}

function settle(entry: Entry, stored: boolean): void {
  const waiting = entry.waiting
  entry.waiting = []
  for (const onSettled of waiting) onSettled(stored)
}

/**
 * The QoS 2 state of sessions that outlive their connection (`clean` false), in memory.
 *
 * What it keeps once: a message that is sent again on the same connection or, with a lasting
 * session, after a reconnect. What it cannot: after the gateway itself was killed between making a
 * record durable and PUBREC, the client's resend is a second record. Telling it from a new message
 * with the same content and id is not possible without its own store, and the DUP flag is no proof:
 * a client also sets it on a message that never arrived. A record too many is chosen over a loss.
 */
export class Qos2Store {
  readonly #maxSessions: number
  readonly #sessions = new Map<string, Qos2Session>()
  #evicted = 0

  constructor(maxSessions: number) {
    this.#maxSessions = maxSessions
  }

  /** Sessions forgotten because there were too many. */
  get evicted(): number {
    return this.#evicted
  }

  /** The session of a client that connects, new or kept; a clean one ends what was kept. */
  open(client: string, clean: boolean): Qos2Session {
    const kept = this.#sessions.get(client)
    this.#sessions.delete(client)
    return clean || !kept ? new Qos2Session() : kept
  }

  /** The client is gone: its session is kept if there is anything to remember. */
  keep(client: string, session: Qos2Session): void {
    if (session.size === 0) return
    this.#sessions.set(client, session)
    if (this.#sessions.size <= this.#maxSessions) return
    const oldest = this.#sessions.keys().next()
    if (oldest.done) return
    this.#sessions.delete(oldest.value)
    this.#evicted += 1
  }
}
