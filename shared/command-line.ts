import type { Readable } from 'node:stream'
import { type Command, CommanderError } from 'commander'
import { HeadwaterError } from './errors.ts'

/** The process as a command sees it; only `main.ts` touches the real one. */
export interface Terminal {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Opens standard input at the first call. */
  stdin(): Readable
  print(text: string): void
  onSignal(signal: NodeJS.Signals, listener: () => void): void
  /** Calls back when nobody reads standard output any more (`… | head -1`). */
  onOutputClosed?(listener: () => void): void
  /** Absent when standard output or input is no screen and keyboard. */
  readonly screen?: Screen
}

/** Aborts when the user, or the system, has had enough: SIGINT or SIGTERM. */
export function endSignal(terminal: Pick<Terminal, 'onSignal'>): AbortSignal {
  const end = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) terminal.onSignal(signal, () => end.abort())
  return end.signal
}

/** What a person looks at and types on. */
export interface Screen {
  size(): { readonly columns: number; readonly rows: number }
  /** As it is, without a line end. */
  write(text: string): void
  /** Every key comes at once and is not shown. Until the returned function is called. */
  onKey(listener: (key: string) => void): () => void
}

export const exitCodes = { done: 0, failed: 1, wrongUse: 2 } as const

/** The process that runs. */
export function processTerminal(env: Terminal['env'] = process.env): Terminal {
  // Whoever reads may have had enough (`check | head -1`), which is no failure.
  const outputClosed = new AbortController()
  process.stdout.on('error', () => outputClosed.abort())
  return {
    env,
    stdin: () => process.stdin,
    print: (text) => process.stdout.write(`${text}\n`),
    onSignal: (signal, listener) => process.on(signal, listener),
    onOutputClosed: (listener) => outputClosed.signal.addEventListener('abort', listener),
    ...(process.stdout.isTTY && process.stdin.isTTY ? { screen: processScreen() } : {})
  }
}

function processScreen(): Screen {
  const { stdin, stdout } = process
  return {
    // A serial console does not know its size and says 0.
    size: () => ({ columns: stdout.columns || 80, rows: stdout.rows || 24 }),
    write: (text) => stdout.write(text),
    onKey: (listener) => {
      const onData = (keys: Buffer) => {
        for (const key of keys.toString()) listener(key)
      }
      stdin.setRawMode(true).on('data', onData).resume()
      return () => stdin.off('data', onData).pause().setRawMode(false)
    }
  }
}

/**
 * Runs a command line and resolves with the exit code: 0 done, 1 failed, 2 wrong use or wrong
 * config, once all output is out, so that the process may end. Messages go to `printError`, those of commander where its output is configured to go.
 */
export async function runCommandLine(
  program: Command,
  argv: readonly string[],
  printError: (text: string) => void = console.error
): Promise<number> {
  const code = await exitCodeOf(program, argv, printError)
  await Promise.all([process.stdout, process.stderr].map(written))
  return code
}

/** What a pipe has not taken yet is lost when the process ends. */
function written(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    if (stream.writableLength === 0) resolve()
    else stream.write('', () => resolve())
  })
}

async function exitCodeOf(
  program: Command,
  argv: readonly string[],
  printError: (text: string) => void
): Promise<number> {
  exitsByThrowing(program)
  try {
    await program.parseAsync(argv)
    return exitCodes.done
  } catch (error) {
    if (error instanceof CommanderError) {
      return error.exitCode === 0 ? exitCodes.done : exitCodes.wrongUse
    }
    printError(messageOf(error))
    const wrongUse = error instanceof HeadwaterError && error.code === 'config'
    return wrongUse ? exitCodes.wrongUse : exitCodes.failed
  }
}

function exitsByThrowing(command: Command): void {
  command.exitOverride()
  for (const inner of command.commands) exitsByThrowing(inner)
}

/** A mistake of the operator needs no stack; one of the programmer does. */
function messageOf(error: unknown): string {
  if (error instanceof HeadwaterError && error.code !== 'internal') return error.message
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
