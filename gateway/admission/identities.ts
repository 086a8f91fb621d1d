import { createHash } from 'node:crypto'
import { HeadwaterError } from '../../shared/errors.ts'
import { onceEpochHead, type SequenceSource } from '../../shared/kpl/kpl.ts'
import type { Random } from '../../shared/random.ts'
import { requireName } from '../../shared/record.ts'
import type { ClockState } from '../../shared/wire/batch.ts'
import { anonymousDevice, type IncomingBatch } from './admission.ts'

/** Which records these are, so that a repeat of the batch is known. */
export interface BatchIdentity {
  readonly source: SequenceSource
  readonly first: number
  readonly prev: number
  readonly floor: number
  /** Correction of all times, milliseconds. */
  readonly offsetMs: number
  /** What the clock of the device was worth, by then. */
  readonly clock?: ClockState
}

/**
 * Gives every batch its identity: the agent's own, one made from the `Idempotency-Key`, or, when a
 * repeat could not be told, numbers of this gateway.
 */
export class Identities {
  /** 32 hexadecimal digits, anew at each start. */
  readonly epoch: string
  readonly #maxKeys: number
  /** Hash of what came with an idempotency key of a stream; the one used longest ago goes first. */
  readonly #keys = new Map<string, string>()
  #next = 1
  #forgotten = 0

  constructor(random: Random, maxKeys: number) {
    this.epoch = random.bytes(16).toString('hex')
    this.#maxKeys = maxKeys
  }

  /** Idempotency keys dropped at `maxKeys`. */
  get forgotten(): number {
    return this.#forgotten
  }

  /** Undefined for a batch that is to be stamped. Throws `invalid` for a key used for other data. */
  of(batch: IncomingBatch): BatchIdentity | undefined {
    const { header, idempotencyKey } = batch
    if (header) {
      const { epoch, lane, first, prev, floor, clock, offset: offsetMs } = header
      const device = requireName(header.device, 'device')
      return { source: { device, epoch, lane }, first, prev, floor, offsetMs, clock }
    }
    if (idempotencyKey === undefined) return undefined
    const source = this.#keyed(batch, idempotencyKey)
    return { source, first: 1, prev: 0, floor: 0, offsetMs: 0 }
  }

  /** Identity of records nobody can repeat; numbers only rise, whatever the source. */
  stamp(batch: IncomingBatch): { readonly source: SequenceSource; readonly first: number } {
    const first = this.#next
    this.#next += batch.records.lens.length
    return { source: { device: deviceOf(batch), epoch: this.epoch, lane: 0 }, first }
  }

  /** Forgets the idempotency keys of a stream. */
  forget(stream: string): void {
    for (const entry of this.#keys.keys()) {
      if (entry.startsWith(`${stream}/`)) this.#keys.delete(entry)
    }
  }

  /** The content is part of the epoch, so that after a restart other data is no repeat either. */
  #keyed(batch: IncomingBatch, key: string): SequenceSource {
    const device = deviceOf(batch)
    const { keys, lens, data, attributes, key: keyIndex } = batch.records
    const content = createHash('sha256')
      .update(JSON.stringify([keys, keyIndex ?? null, attributes ?? null]))
      .update(Buffer.from(lens.buffer, lens.byteOffset, lens.byteLength))
      .update(data)
      .digest('hex')
    const name = sha256(JSON.stringify([device, batch.stream, key]))
    const entry = `${batch.stream}/${name}`
    const known = this.#keys.get(entry)
    if (known !== undefined && known !== content) {
      throw new HeadwaterError(
        'invalid',
        'Idempotency-Key was used for other records; use a new key for each batch'
      )
    }
    this.#remember(entry, content)
    const epoch = onceEpochHead + sha256(name + content).slice(0, 32 - onceEpochHead.length)
    return { device, epoch, lane: 0 }
  }

  #remember(entry: string, content: string): void {
    this.#keys.delete(entry)
    this.#keys.set(entry, content)
    if (this.#keys.size <= this.#maxKeys) return
    for (const oldest of this.#keys.keys()) {
      this.#keys.delete(oldest)
      this.#forgotten += 1
      return
    }
  }
}

/** Whose records these are, as far as the gateway can say. */
export function deviceOf(batch: IncomingBatch): string {
  return batch.principal.device ?? batch.header?.device ?? anonymousDevice
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
