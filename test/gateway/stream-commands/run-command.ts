import { PassThrough, Readable, Writable } from 'node:stream'
import type { TestContext } from 'node:test'
import { streamProgram } from '../../../gateway/stream-commands/program.ts'
import { systemClock } from '../../../shared/clock.ts'
import { runCommandLine } from '../../../shared/command-line.ts'
import { systemRandom } from '../../../shared/random.ts'

interface RunOptions {
  readonly stdin?: Readable
  readonly signal?: AbortSignal
  readonly stdout?: Writable
}

/** Runs the command line in this process. */
export async function run(t: TestContext, args: readonly string[], options: RunOptions = {}) {
  const out = new PassThrough()
  let printed = ''
  out.on('data', (chunk: Buffer) => {
    printed += chunk.toString()
  })
  let complained = ''
  const stderr = new Writable({
    write(chunk, _encoding, done) {
      complained += String(chunk)
      done()
    }
  })
  const errors = t.mock.method(console, 'error', (text: string) => {
    complained += `${text}\n`
  })
  const program = streamProgram({
    env: {},
    stdin: options.stdin ?? Readable.from([]),
    stdout: options.stdout ?? out,
    stderr,
    signal: options.signal ?? new AbortController().signal,
    clock: systemClock,
    random: systemRandom
  })
  const code = await runCommandLine(program, ['node', 'headwater-stream', ...args])
  errors.mock.restore()
  return { code, printed, complained }
}
