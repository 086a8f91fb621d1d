import { ColumnsBuilder } from '../../shared/columns-builder.ts'
import { AggregateWriter } from '../../shared/kpl/aggregate-writer.ts'
import { type SequenceSource, sourceKey } from '../../shared/kpl/kpl.ts'
import { type Attributes, offsetsOf } from '../../shared/record.ts'

export interface Member {
  readonly source: SequenceSource
  readonly seq: number
  readonly partitionKey: string
  readonly text: string
  readonly time?: number
  readonly attributes?: Attributes
}

/** An aggregate of these members, as the gateway writes it. */
export function aggregateOf(members: readonly Member[], explicitHashKey = '1'): Buffer {
  const writer = new AggregateWriter(1024 * 1024)
  writer.begin(explicitHashKey)
  for (const { source, seq, partitionKey, text, time = 5, attributes } of members) {
    const builder = new ColumnsBuilder({ partitionKey, time })
    builder.add(Buffer.from(text), { attributes })
    const records = builder.build()
    const offsets = offsetsOf(records.lens)
    const run = { records, offsets, source, sourceKey: sourceKey(source), first: seq, offsetMs: 0 }
    writer.add(run, 0, 1)
  }
  return writer.finish()
}

/** A source of records: device, with an epoch made of one digit. */
export function sourceOf(device: string, epoch = 0): SequenceSource {
  return { device, epoch: String(epoch).repeat(32), lane: 0 }
}
