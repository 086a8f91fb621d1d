import { decodeAggregate } from '../../shared/kpl/deaggregate.ts'
import { sourceKey } from '../../shared/kpl/kpl.ts'
import type { Mark } from '../engines/engine.ts'
import type { LooseRecord, Parcel, Span } from './parcel.ts'

/** One finished aggregate. */
export class AggregateParcel implements Parcel {
  readonly partitionKey: string
  readonly hashKey: bigint
  readonly data: Buffer
  readonly marks: readonly Mark[]
  readonly spans: readonly Span[]
  readonly records: number

  constructor(parts: Omit<Parcel, 'unpack'>) {
    this.partitionKey = parts.partitionKey
    this.hashKey = parts.hashKey
    this.data = parts.data
    this.marks = parts.marks
    this.spans = parts.spans
    this.records = parts.records
  }

  unpack(): LooseRecord[] {
    const members = decodeAggregate(this.data)
    const extra = members?.extra
    if (!members || !extra) throw new Error('an aggregate of our own cannot be read back')
    const marked = new Set(this.marks.map((mark) => mark.source))
    const records: LooseRecord[] = []
    for (const span of this.spans) {
      for (let n = 0; n < span.records; n++) {
        const i = records.length
        const source = extra.sources[extra.source[i] as number]
        const partitionKey = members.partitionKeys[members.partitionKey[i] as number]
        const data = members.data[i]
        if (!source || partitionKey === undefined || !data) {
          throw new Error('an aggregate of our own has fewer members than were put in')
        }
        records.push({
          batch: span.batch,
          source,
          repeatable: marked.has(sourceKey(source)),
          seq: extra.seqs[i] as number,
          partitionKey,
          time: extra.times[i] as number,
          data,
          attributes: extra.attributes?.[i] ?? null
        })
      }
    }
    return records
  }
}
