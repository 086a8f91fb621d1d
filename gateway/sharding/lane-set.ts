import { asHeadwaterError } from '../../shared/errors.ts'
import type { Shard } from '../engines/engine.ts'
import type { HashKeyCache } from './hash-key-cache.ts'
import type { Lane } from './lane.ts'
import { runsOf, sortLoose } from './loose-records.ts'
import type { LooseRecord } from './parcel.ts'
import type { ShardMap } from './shard-map.ts'

/**
 * The lanes of a stream, one for each open shard, through splits and merges.
 *
 * When shards close, their lanes settle what they attempted. Until all of them have, the lanes of
 * new shards collect but do not send. Then what is queued in both is sorted and routed anew, so
 * that every source and every key keeps its order, also where two shards became one.
 */
export class LaneSet {
  readonly #newLane: (shard: Shard) => Lane
  readonly #hashes: HashKeyCache
  #map: ShardMap
  /** In the order of the map's open shards. */
  #lanes: readonly Lane[]
  #closing: Lane[] = []
  #held: Lane[] = []

  constructor(map: ShardMap, hashes: HashKeyCache, newLane: (shard: Shard) => Lane) {
    this.#map = map
    this.#hashes = hashes
    this.#newLane = newLane
    this.#lanes = map.open.map(newLane)
  }

  get map(): ShardMap {
    return this.#map
  }

  /** Lanes of open shards, then those that are closing. */
  get all(): readonly Lane[] {
    return [...this.#lanes, ...this.#closing]
  }

  /** The lane of `map.open[index]`. */
  at(index: number): Lane {
    const lane = this.#lanes[index]
    if (!lane) throw new Error(`no lane for open shard ${index}`)
    return lane
  }

  /** Follows a map that was read; lanes that waited for it go on. */
  follow(map: ShardMap): void {
    const before = new Map(this.#lanes.map((lane) => [lane.shard.id, lane]))
    this.#map = map
    const fresh: Lane[] = []
    this.#lanes = map.open.map((shard) => {
      const known = before.get(shard.id)
      if (known && sameRange(known.shard, shard)) {
        before.delete(shard.id)
        return known
      }
      const lane = this.#newLane(shard)
      fresh.push(lane)
      return lane
    })
    for (const lane of before.values()) lane.close()
    this.#closing.push(...before.values())
    this.#held = [...this.#held.filter((lane) => !this.#closing.includes(lane)), ...fresh]
    for (const lane of this.#lanes) {
      if (this.#held.includes(lane)) lane.hold()
      else lane.release()
    }
    this.routeAnew()
  }

  /** Routes what closed shards left behind, once all that they attempted is settled. */
  routeAnew(): void {
    if (this.#closing.some((lane) => !lane.settled)) return
    const held = this.#held
    const left = [...this.#closing, ...held].flatMap((lane) => lane.drain())
    this.#closing = []
    this.#held = []
    try {
      this.#route(left.flatMap((parcel) => parcel.unpack()))
    } catch (thrown) {
      // A defect. Nothing newer of these sources was stored, so all of it may be sent again.
      const error = asHeadwaterError(thrown)
      for (const { spans } of left) for (const { batch } of spans) batch.fail(error)
    }
    for (const lane of held) lane.release()
  }

  #route(left: LooseRecord[]): void {
    const byShard = new Map<number, LooseRecord[]>()
    for (const record of sortLoose(left)) {
      const shard = this.#map.indexOf(this.#hashes.get(record.partitionKey))
      const records = byShard.get(shard)
      if (records) records.push(record)
      else byShard.set(shard, [record])
    }
    for (const [shard, records] of byShard) {
      for (const run of runsOf(records)) this.at(shard).add(run)
    }
  }
}

function sameRange(one: Shard, other: Shard): boolean {
  return one.range.start === other.range.start && one.range.end === other.range.end
}
