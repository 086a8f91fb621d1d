import type { Terminal } from '../../../shared/command-line.ts'
import { unpackBody } from '../../../shared/wire/batch.ts'
import { decodeFrame } from '../../../shared/wire/frame.ts'
import type { BufferView } from '../../buffer/inspect/buffer-view.ts'
import type { PlaceFlags } from '../agent-place.ts'
import { type RecordForm, recordLines } from './record-lines.ts'
import { withView } from './with-view.ts'

export interface PeekFlags extends PlaceFlags {
  readonly stream?: string
  readonly limit: number
  readonly from: 'oldest' | 'newest'
  readonly format: RecordForm
  readonly decode?: true
}

/** `headwater-agent buffer peek`: the newest come newest first. */
export function peek(flags: PeekFlags, terminal: Terminal): Promise<void> {
  return withView(flags, terminal, async (view) => {
    let closed = false
    terminal.onOutputClosed?.(() => (closed = true))
    let shown = 0
    for await (const line of linesOf(view, flags)) {
      terminal.print(line)
      shown += 1
      if (shown === flags.limit || closed) return
    }
  })
}

async function* linesOf(view: BufferView, flags: PeekFlags): AsyncGenerator<string> {
  const { stream, from, format, decode = false } = flags
  const { frames } = await view.waiting()
  const chosen = frames.filter((frame) => stream === undefined || frame.stream === stream)
  for (const one of from === 'newest' ? chosen.toReversed() : chosen) {
    const row = await view.read(one)
    if (!row) continue
    const records = decodeFrame(await unpackBody(row.enc, row.body))
    const indexes = Array.from(records.lens.keys())
    const seqs = indexes.map((i) => row.first + i)
    const facts = { stream: row.stream, epoch: row.epoch, seqs }
    const line = recordLines(records, { format, decode, ...facts })
    for (const i of from === 'newest' ? indexes.toReversed() : indexes) yield line(i)
  }
}
