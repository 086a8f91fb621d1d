import { Command } from 'commander'
import { type Clock, systemClock } from '../../shared/clock.ts'
import type { Terminal } from '../../shared/command-line.ts'
import { parseDuration } from '../../shared/duration.ts'
import { addPlaceFlags, dataDirOf, type PlaceFlags } from './agent-place.ts'

interface TopFlags extends PlaceFlags {
  readonly once?: true
  readonly json?: true
  /** Milliseconds. */
  readonly interval: number
}

/** `headwater-agent top` */
export function topCommand(terminal: Terminal, clock: Clock = systemClock): Command {
  return addPlaceFlags(new Command('top'))
    .description('show how a running agent does')
    .option('--once', 'print it once, as when the output is no terminal')
    .option('--json', 'print it once, as JSON')
    .option('--interval <duration>', 'time between two looks', interval, 1000)
    .action(async ({ once, json, interval: intervalMs, ...place }: TopFlags) => {
      const [{ ControlClient }, { printOnce, watch }] = await Promise.all([
        import('../control/control-client.ts'),
        import('../top/show.ts')
      ])
      const client = new ControlClient(dataDirOf(place, terminal))
      const { screen } = terminal
      const look = { client, terminal, clock, intervalMs }
      if (screen && !once && !json) await watch(look, screen)
      else await printOnce(look, json ? 'json' : 'text')
    })
}

function interval(text: string): number {
  return Math.max(100, parseDuration(text))
}
