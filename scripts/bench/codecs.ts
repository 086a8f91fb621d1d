import { AggregateWriter } from '../../shared/kpl/aggregate-writer.ts'
import { decodeAggregate } from '../../shared/kpl/deaggregate.ts'
import { sourceKey } from '../../shared/kpl/kpl.ts'
import { offsetsOf, type RecordColumns } from '../../shared/record.ts'
import { decodeBatch, encodeBatch, frameCrc, type BatchHeader } from '../../shared/wire/batch.ts'
import { decodeFrame, encodeFrame } from '../../shared/wire/frame.ts'
import { decodeJsonBatch, encodeJsonBatch } from '../../shared/wire/json.ts'
import { type Line, ratio, thousands } from './report.ts'

const count = 1300
const records: RecordColumns = {
  keys: ['device-0001'],
  times: new Float64Array(count).fill(1_700_000_000_000),
  lens: new Uint32Array(count).fill(200),
  data: Buffer.alloc(count * 200, 'telemetry ')
}
const header: BatchHeader = {
  device: 'device-0001',
  epoch: '00'.repeat(16),
  stream: 'telemetry',
  first: 1,
  count,
  prev: 0,
  floor: 1,
  lane: 0,
  clock: 'ntp',
  offset: 0
}

/** Records of 200 bytes a second through each codec, beside copying their bytes once. */
export async function benchCodecs(): Promise<Line[]> {
  const frame = encodeFrame(records)
  const batch = encodeBatch({ header, enc: 'id', body: frame, crc: frameCrc(frame) })
  const json = encodeJsonBatch(header, records)
  const defaults = { partitionKey: 'k', time: 0 }
  const writer = new AggregateWriter(1024 * 1024)
  const aggregate = buildAggregate(writer)
  const copy = rate(() => Buffer.from(records.data))
  const cases: readonly (readonly [string, () => unknown])[] = [
    ['frame, encode', () => encodeFrame(records)],
    ['frame, decode', () => decodeFrame(frame)],
    ['batch, decode with its checksum', () => decodeBatch(batch)],
    ['JSON with base64, encode', () => encodeJsonBatch(header, records)],
    ['JSON with base64, decode', () => decodeJsonBatch(json, defaults)],
    ['KPL aggregate, write with MD5', () => buildAggregate(writer)],
    ['KPL aggregate, read with MD5', () => decodeAggregate(aggregate)]
  ]
  return cases.map(([name, work]) => {
    const perSecond = rate(work)
    return {
      what: `codec: ${name}`,
      ours: `${thousands(perSecond)} records/s`,
      beside: `one copy: ${thousands(copy)}`,
      ratio: ratio(perSecond, copy)
    }
  })
}

function buildAggregate(writer: AggregateWriter): Buffer {
  const source = { device: header.device, epoch: header.epoch, lane: 0 } as const
  const key = sourceKey(source)
  const offsets = offsetsOf(records.lens)
  writer.begin('1')
  writer.add({ records, offsets, source, sourceKey: key, first: 1, offsetMs: 0 }, 0, count)
  return writer.finish()
}

function rate(work: () => unknown): number {
  const until = (ms: number) => {
    const begin = performance.now()
    let rounds = 0
    while (performance.now() - begin < ms) {
      work()
      rounds += 1
    }
    return (rounds * count * 1000) / (performance.now() - begin)
  }
  until(300)
  return until(1000)
}
