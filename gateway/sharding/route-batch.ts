import type { HashKeyCache } from './hash-key-cache.ts'
import type { SourceMarks } from './repeat-marks.ts'
import type { ShardMap } from './shard-map.ts'
import type { AdmittedBatch } from './sharding.ts'

/** Records of a batch that go to one shard. */
export interface Part {
  /** Index in `ShardMap.open`. */
  readonly shard: number
  /** Which records, ascending; absent: all of the batch. */
  readonly indexes?: Uint32Array
  readonly records: number
  /** Data, with what members of an aggregate take besides. */
  readonly bytes: number
}

export interface Routes {
  readonly parts: readonly Part[]
  readonly repeats: number
}

export interface RouteContext {
  readonly map: ShardMap
  readonly hashes: HashKeyCache
  /** Of the batch's source, when repeats of it can come. */
  readonly marks: SourceMarks | undefined
}

/** About what a member of an aggregate takes besides its data. */
const memberBytes = 24

/** Where the records of a batch go, leaving out those that are stored already. */
export function routeBatch(batch: AdmittedBatch, context: RouteContext): Routes {
  const { keys, key, lens, data } = batch.records
  const sieve = new Sieve(batch, context)
  if ((!key || keys.length === 1) && !batch.selected && sieve.passesAll(0)) {
    const records = lens.length
    if (records === 0) return { parts: [], repeats: 0 }
    const bytes = data.length + records * memberBytes
    return { parts: [{ shard: sieve.shard(0), records, bytes }], repeats: 0 }
  }
  return routeSingly(batch, sieve)
}

/** For each key of the batch, looked up once: its shard, and up to which number it is stored. */
class Sieve {
  readonly #batch: AdmittedBatch
  readonly #context: RouteContext
  readonly #shards: Int32Array
  readonly #through: Float64Array

  constructor(batch: AdmittedBatch, context: RouteContext) {
    this.#batch = batch
    this.#context = context
    this.#shards = new Int32Array(batch.records.keys.length).fill(-1)
    this.#through = new Float64Array(batch.records.keys.length)
  }

  shard(key: number): number {
    if (this.#shards[key] === -1) this.#lookUp(key)
    return this.#shards[key] as number
  }

  isRepeat(key: number, seq: number): boolean {
    if (this.#shards[key] === -1) this.#lookUp(key)
    return seq <= (this.#through[key] as number)
  }

  passesAll(key: number): boolean {
    return !this.isRepeat(key, this.#batch.first)
  }

  #lookUp(key: number): void {
    const { map, hashes, marks } = this.#context
    const hash = hashes.get(this.#batch.records.keys[key] ?? '')
    this.#shards[key] = map.indexOf(hash)
    if (marks && marks.highest >= this.#batch.first) {
      this.#through[key] = marks.storedThrough(map, hash)
    }
  }
}

function routeSingly(batch: AdmittedBatch, sieve: Sieve): Routes {
  const { key, lens } = batch.records
  const count = batch.selected ? batch.selected.length : lens.length
  const kept = new Uint32Array(count)
  const shards = new Uint32Array(count)
  const tallies = new Map<number, Tally>()
  let keptCount = 0
  for (let p = 0; p < count; p++) {
    const i = batch.selected ? (batch.selected[p] as number) : p
    const k = key ? (key[i] as number) : 0
    if (sieve.isRepeat(k, batch.first + i)) continue
    const shard = sieve.shard(k)
    kept[keptCount] = i
    shards[keptCount++] = shard
    let tally = tallies.get(shard)
    if (!tally) {
      tally = new Tally()
      tallies.set(shard, tally)
    }
    tally.count(lens[i] as number)
  }
  const whole = tallies.size === 1 && keptCount === lens.length
  if (!whole) {
    for (let n = 0; n < keptCount; n++) tallies.get(shards[n] as number)?.collect(kept[n] as number)
  }
  const parts = Array.from(tallies, ([shard, tally]) => tally.part(shard))
  return { parts, repeats: count - keptCount }
}

/** What one shard gets of a batch: first counted, then collected. */
class Tally {
  #records = 0
  #bytes = 0
  #indexes: Uint32Array | undefined
  #collected = 0

  count(dataBytes: number): void {
    this.#records += 1
    this.#bytes += dataBytes + memberBytes
  }

  collect(index: number): void {
    this.#indexes ??= new Uint32Array(this.#records)
    this.#indexes[this.#collected++] = index
  }

  part(shard: number): Part {
    return {
      shard,
      records: this.#records,
      bytes: this.#bytes,
      ...(this.#indexes ? { indexes: this.#indexes } : {})
    }
  }
}
