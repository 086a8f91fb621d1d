import type { Clock } from '../../shared/clock.ts'
import { endSignal, type Screen, type Terminal } from '../../shared/command-line.ts'
import { asHeadwaterError, type HeadwaterError } from '../../shared/errors.ts'
import type { ControlClient } from '../control/control-client.ts'
import { closePage, frameOf, openPage } from './frame.ts'
import { overviewOf } from './overview.ts'
import { viewOf } from './view.ts'
import { type Line, wrapped } from './wrapped.ts'

/** Whom to ask, how often, and where to tell it. */
export interface Look {
  readonly client: ControlClient
  readonly terminal: Terminal
  readonly clock: Clock
  readonly intervalMs: number
}

/** Where lines are printed that nobody watches. */
const printedColumns = 100

/** One overview, with the rates of one interval. */
export async function printOnce(look: Look, form: 'json' | 'text'): Promise<void> {
  const { client, terminal, clock, intervalMs } = look
  const before = await client.status()
  const beforeMs = clock.monoMs()
  await clock.sleep(intervalMs)
  const overview = overviewOf(await client.status(), before, clock.monoMs() - beforeMs)
  if (form === 'json') {
    terminal.print(JSON.stringify(overview, null, 2))
    return
  }
  const columns = terminal.screen?.size().columns ?? printedColumns
  const lines = viewOf(overview, columns)
  terminal.print(lines.map(({ text }) => text).join('\n'))
}

/** Draws until `q` or Ctrl-C; an agent that goes away is waited for. */
export async function watch(look: Look, screen: Screen): Promise<void> {
  const { client, terminal, clock, intervalMs } = look
  // What cannot be asked at the start is a mistake, and is told as one.
  let before = await client.status()
  let beforeMs = clock.monoMs()
  const quit = new AbortController()
  const stopKeys = screen.onKey((key) => {
    if (key === 'q' || key === '\u0003') quit.abort()
  })
  const end = AbortSignal.any([endSignal(terminal), quit.signal])
  screen.write(openPage)
  try {
    draw(screen, viewOf(overviewOf(before), screen.size().columns))
    for (;;) {
      await clock.sleep(intervalMs, end)
      if (end.aborted) return
      const answer = await client.status().then(
        (status) => ({ status }),
        (error: unknown) => ({ error: asHeadwaterError(error) })
      )
      const nowMs = clock.monoMs()
      if ('error' in answer) {
        draw(screen, absenceOf(answer.error, screen.size().columns))
        continue
      }
      const { status: now } = answer
      draw(screen, viewOf(overviewOf(now, before, nowMs - beforeMs), screen.size().columns))
      before = now
      beforeMs = nowMs
    }
  } finally {
    screen.write(closePage)
    stopKeys()
  }
}

function absenceOf({ message }: HeadwaterError, columns: number): readonly Line[] {
  return wrapped({ text: message, tone: 'alarm' }, columns)
}

function draw(screen: Screen, lines: readonly Line[]): void {
  const { rows } = screen.size()
  screen.write(frameOf(lines, rows))
}
