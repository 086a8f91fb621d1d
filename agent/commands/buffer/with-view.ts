import { systemClock } from '../../../shared/clock.ts'
import type { Terminal } from '../../../shared/command-line.ts'
import { createLog } from '../../../shared/log.ts'
import { BufferView } from '../../buffer/inspect/buffer-view.ts'
import { dataDirOf, type PlaceFlags } from '../agent-place.ts'

/** Opens the buffer that is meant, to look at it, and closes it when `work` is done. */
export async function withView<T>(
  flags: PlaceFlags,
  terminal: Terminal,
  work: (view: BufferView, directory: string) => Promise<T>
): Promise<T> {
  const directory = dataDirOf(flags, terminal)
  const log = createLog('headwater-agent', 'silent')
  const view = await BufferView.open({ directory, clock: systemClock, log })
  try {
    return await work(view, directory)
  } finally {
    await view.close()
  }
}
