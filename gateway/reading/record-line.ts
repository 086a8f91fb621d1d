import { decodedMember } from '../../shared/decoded-member.ts'
import type { UserRecord } from './user-record.ts'

/** A record as one line of JSON, its end included; the data is in base64. */
export function plainLine(record: UserRecord): string {
  return `${JSON.stringify(fieldsOf(record))}\n`
}

/** Adds `json` where the data is JSON, else `text` where it is text. */
export function decodedLine(record: UserRecord): string {
  const fields = JSON.stringify(fieldsOf(record))
  return `${fields.slice(0, -1)}${decodedMember(record.data)}}\n`
}

function fieldsOf(record: UserRecord): object {
  const { stream, shard, sequence, subSequence, partitionKey, time } = record
  const { device, epoch, seq, lane, clock, attributes, data } = record
  const flags = {
    ...(clock === 'unsynced' ? { clock } : {}),
    ...(lane === 1 ? { lane: 'backlog' } : {})
  }
  const place = { stream, shard, sequence, subSequence, partitionKey, time }
  return { ...place, ...flags, device, epoch, seq, attributes, data: data.toString('base64') }
}
