import type { Clock } from '../shared/clock.ts'
import type { Log } from '../shared/log.ts'
import type { Random } from '../shared/random.ts'
import type { AgentBuffer } from './buffer/buffer.ts'
import { SqliteBuffer } from './buffer/sqlite-buffer.ts'
import type { DeviceTime } from './clock/device-time.ts'
import type { AgentConfig } from './config.ts'

export interface BufferDependencies {
  readonly clock: Clock
  readonly time: DeviceTime
  readonly random: Random
  readonly log: Log
}

/** The durable buffer, as the configuration has it. */
export function createBuffer(
  config: AgentConfig,
  { clock, time, random, log }: BufferDependencies
): AgentBuffer {
  const { buffer, streams } = config
  return new SqliteBuffer({
    directory: config.dataDir,
    device: config.device,
    overflow: (stream) => streams[stream]?.overflow ?? 'drop-oldest',
    frameBytes: buffer.frame,
    segmentBytes: buffer.segment,
    capBytes: buffer.cap,
    freeDiskFloorBytes: buffer.freeDiskFloor,
    commitAgeMs: buffer.commitAge,
    pageSize: buffer.pageSize,
    compression: buffer.compression,
    ringBytes: buffer.ring.bytes,
    ringRecords: buffer.ring.records,
    deadLetterBytes: buffer.deadLetters,
    clock,
    time,
    random,
    log
  })
}
