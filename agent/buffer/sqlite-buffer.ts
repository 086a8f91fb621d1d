import { mkdir, statfs } from 'node:fs/promises'
import type { Clock } from '../../shared/clock.ts'
import { asHeadwaterError, HeadwaterError } from '../../shared/errors.ts'
import { Histogram } from '../../shared/histogram.ts'
import type { Log } from '../../shared/log.ts'
import type { Random } from '../../shared/random.ts'
import { Database } from '../../shared/sqlite.ts'
import { Bell } from './bell.ts'
import { BootTime } from './boot-time.ts'
import type {
  AgentBuffer,
  BufferStats,
  Chunk,
  FrameId,
  OverflowPolicy,
  Parked,
  StoredFrame
} from './buffer.ts'
import { BufferCore } from './buffer-core.ts'
import { Capacity } from './capacity.ts'
import { type Compression, chunkParts } from './chunk-parts.ts'
import { Committer } from './committer.ts'
import { lockDirectory } from './directory-lock.ts'
import { HeldFrames } from './held-frames.ts'
import { lossNotice } from './loss-notice.ts'
import { type Entry, Pending } from './pending.ts'
import { RecentFrames } from './recent-frames.ts'
import { Sequence } from './sequence.ts'
import type { OpenSql, Sql } from './store-file.ts'

export interface SqliteBufferOptions {
  readonly directory: string
  readonly device: string
  /** Asked once for each stream. */
  readonly overflow: (stream: string) => OverflowPolicy
  readonly frameBytes: number
  readonly segmentBytes: number
  readonly capBytes: number
  readonly freeDiskFloorBytes: number
  readonly commitAgeMs: number
  readonly pageSize: number
  readonly compression: Compression
  readonly ringBytes: number
  readonly ringRecords: number
  readonly deadLetterBytes: number
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** Free space of the disk that holds `directory`; default: what the system says. */
  readonly freeBytes?: () => Promise<number>
  /** How databases are opened; tests put a failing disk here. */
  readonly openDatabase?: OpenSql
}
