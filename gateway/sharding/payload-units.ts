import type { LaneStats } from './sharding.ts'

/** What is billed for 1,000 records, of the lanes whose puts are; undefined when none are. */
export function payloadUnitsPer1000(lanes: readonly LaneStats[]): number | undefined {
  let units = 0
  let records = 0
  for (const { payloadUnits, putRecords } of lanes) {
    if (payloadUnits === 0) continue
    units += payloadUnits
    records += putRecords
  }
  return records === 0 ? undefined : (units * 1000) / records
}
