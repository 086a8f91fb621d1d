import { Histogram } from '../../shared/histogram.ts'
import type { DeviceTime } from '../clock/device-time.ts'
import type { BufferStats } from './buffer.ts'
import type { BufferCore } from './buffer-core.ts'
import type { HeldFrames } from './frames/held-frames.ts'
import type { Intake } from './intake/intake.ts'

interface Parts {
  readonly core: BufferCore
  readonly held: HeldFrames
  readonly intake: Intake
}

/** Of a buffer that runs, or of one that does not. */
export function statsOf(
  running: Parts | undefined,
  { time, epoch }: { readonly time: DeviceTime; readonly epoch: string }
): BufferStats {
  const { core, held, intake } = running ?? {}
  const rows = core ? Object.values(core.rows) : []
  const oldest = core?.index.oldest()
  return {
    records: core?.index.records ?? 0,
    bytes: rows.reduce((sum, { bytes }) => sum + bytes, 0),
    segments: rows.reduce((sum, { numbers }) => sum + numbers.length, 0),
    oldestAgeMs: oldest ? time.since(oldest) : 0,
    appendedRecords: intake?.appended ?? 0,
    releasedRecords: held?.counts.released ?? 0,
    parkedRecords: held?.counts.parked ?? 0,
    lost: core?.ledger.totals() ?? [],
    commit: intake?.commit ?? new Histogram(),
    mode: intake?.mode ?? 'disk',
    ringRecords: intake?.ringRecords ?? 0,
    epoch
  }
}
