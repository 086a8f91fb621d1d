import type { TestContext } from 'node:test'
import type { StoredFrame } from '../../../agent/buffer/buffer.ts'
import { Sender, type SenderOptions } from '../../../agent/sender/sender.ts'
import { createLog } from '../../../shared/log.ts'
import type { Random } from '../../../shared/random.ts'
import { ManualClock, settle } from '../../support/manual-clock.ts'
import { MemoryFrameStore } from '../../support/memory-frame-store.ts'
import { frameOf } from '../../support/stored-frames.ts'
import { FakeTransport } from './fake-transport.ts'

/** Every jitter is in the middle: the first backoff is 250 ms, a slow probe comes after 180 s. */
export const middle: Random = { fraction: () => 0.5, bytes: (count) => Buffer.alloc(count) }

export const firstBackoffMs = 250

export interface World {
  readonly store: MemoryFrameStore
  readonly transport: FakeTransport
  readonly clock: ManualClock
  readonly sender: Sender
}

/** A running sender over fakes, with these frames in the buffer. */
export async function setup(
  t: TestContext,
  frames: readonly StoredFrame[],
  options: Partial<SenderOptions> = {}
): Promise<World> {
  const store = new MemoryFrameStore()
  store.add(...frames)
  const transport = new FakeTransport()
  const clock = new ManualClock()
  const log = createLog('test', 'silent')
  // No watchdog unless a test is about it: tests let much time pass between answers.
  const stallMs = 1e12
  const sender = new Sender({ store, transport, clock, random: middle, log, stallMs, ...options })
  t.after(() => sender.stop(AbortSignal.abort()))
  await sender.start()
  await settle()
  return { store, transport, clock, sender }
}

/** Consecutive frames of one record each: sequence numbers 1 to `count`. */
export function singles(count: number, header: Parameters<typeof frameOf>[1] = {}): StoredFrame[] {
  return Array.from({ length: count }, (_, i) =>
    frameOf([`r${i + 1}`], { ...header, first: i + 1 })
  )
}
