import { hashKeyOf } from '../engines/hash-key.ts'

/** Remembers the hash keys of the partition keys seen last; forgets the one not used longest. */
export class HashKeyCache {
  readonly #maxKeys: number
  readonly #hashOf: (partitionKey: string) => bigint
  readonly #hashes = new Map<string, bigint>()

  /**
   * A key is at most 256 characters, so `maxKeys` bounds the bytes too. `hashOf` is asked for each
   * key that is not remembered.
   */
  constructor(maxKeys = 16_384, hashOf = hashKeyOf) {
    this.#maxKeys = maxKeys
    this.#hashOf = hashOf
  }

  get(partitionKey: string): bigint {
    const known = this.#hashes.get(partitionKey)
    const hash = known ?? this.#hashOf(partitionKey)
    if (known !== undefined) this.#hashes.delete(partitionKey)
    else if (this.#hashes.size >= this.#maxKeys) this.#forgetOldest()
    this.#hashes.set(partitionKey, hash)
    return hash
  }

  #forgetOldest(): void {
    for (const oldest of this.#hashes.keys()) {
      this.#hashes.delete(oldest)
      return
    }
  }
}
