import { systemClock } from '../shared/clock.ts'
import { runCommandLine } from '../shared/command-line.ts'
import { systemRandom } from '../shared/random.ts'
import { streamProgram } from './stream-commands/program.ts'

const interrupted = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => interrupted.abort())
}
// Whoever writes hears of it too; without a listener it would end the process first.
process.stdout.on('error', () => undefined)

const program = streamProgram({
  env: process.env,
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  signal: interrupted.signal,
  clock: systemClock,
  random: systemRandom
})

process.exit(await runCommandLine(program, process.argv))
