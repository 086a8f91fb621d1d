import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { HeadwaterError } from '../../shared/errors.ts'
import type { SequenceSource } from '../../shared/kpl/kpl.ts'
import type { Random } from '../../shared/random.ts'
import { requireName } from '../../shared/record.ts'
import { anonymousDevice, type IncomingBatch } from './admission.ts'

/** Which records these are, so that a repeat of the batch is known. */
export interface BatchIdentity {
  readonly source: SequenceSource
  readonly first: number
  readonly prev: number
  readonly floor: number
  /** Correction of all times, milliseconds. */
  readonly offsetMs: number
}

/**
 * Gives every batch its identity: the agent's own, one made from the `Idempotency-Key`, or, when a
 * repeat could not be told, numbers of this gateway.
 */
export class Identities {
  /** 32 hexadecimal digits, anew at each start. */
  readonly epoch: string
  readonly #maxKeys: number
  /** Checksum of what came with an idempotency key, by epoch; the key used longest ago goes first. */
  readonly #keys = new Map<string, number>()
  #next = 1

  constructor(random: Random, maxKeys: number) {
    this.epoch = random.bytes(16).toString('hex')
    this.#maxKeys = maxKeys
  }

  /** Undefined for a batch that is to be stamped. Throws `invalid` for a key used for other data. */
  of(batch: IncomingBatch): BatchIdentity | undefined {
    const { header, idempotencyKey } = batch
    if (header) {
      const { epoch, lane, first, prev, floor } = header
      const device = requireName(header.device, 'device')
      return { source: { device, epoch, lane }, first, prev, floor, offsetMs: header.offset }
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

  #keyed(batch: IncomingBatch, key: string): SequenceSource {
    const device = deviceOf(batch)
    const hash = createHash('sha256').update(JSON.stringify([device, batch.stream, key]))
    const epoch = hash.digest('hex').slice(0, 32)
    // Lengths too: the same bytes may be cut into other records.
    const { lens, data } = batch.records
    const checksum = crc32(Buffer.from(lens.buffer, lens.byteOffset, lens.byteLength), crc32(data))
    const known = this.#keys.get(epoch)
    if (known !== undefined && known !== checksum) {
      throw new HeadwaterError(
        'invalid',
        'Idempotency-Key was used for other records; use a new key for each batch'
      )
    }
    this.#remember(epoch, checksum)
    return { device, epoch, lane: 0 }
  }

  #remember(epoch: string, checksum: number): void {
    this.#keys.delete(epoch)
    this.#keys.set(epoch, checksum)
    if (this.#keys.size <= this.#maxKeys) return
    for (const oldest of this.#keys.keys()) {
      this.#keys.delete(oldest)
      return
    }
  }
}

/** Whose records these are, as far as the gateway can say. */
export function deviceOf(batch: IncomingBatch): string {
  return batch.principal.device ?? batch.header?.device ?? anonymousDevice
}
