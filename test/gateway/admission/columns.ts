import { ColumnsBuilder } from '../../../shared/columns-builder.ts'
import type { RecordColumns } from '../../../shared/record.ts'

/** Records of these texts, all with one key. */
export function columns(texts: readonly string[], partitionKey = 'key'): RecordColumns {
  const builder = new ColumnsBuilder({ partitionKey, time: 1_700_000_000_000 })
  for (const text of texts) builder.add(Buffer.from(text))
  return builder.build()
}
