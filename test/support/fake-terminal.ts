import { Readable } from 'node:stream'
import { Command } from 'commander'
import { runCommandLine, type Terminal } from '../../shared/command-line.ts'

/** Runs commands as from a shell, and keeps what they print. */
export class FakeTerminal implements Terminal {
  readonly env: Readonly<Record<string, string | undefined>>
  /** What went to standard output and to standard error since the last run. */
  out = ''
  err = ''

  constructor(env: Readonly<Record<string, string | undefined>> = {}) {
    this.env = env
  }

  stdin(): Readable {
    return Readable.from([])
  }

  print(text: string): void {
    this.out += `${text}\n`
  }

  onSignal(): void {
    // No signal ever comes.
  }

  /** The exit code of `name …args`, where `name` has these commands. */
  async run(commands: readonly Command[], args: readonly string[]): Promise<number> {
    this.out = ''
    this.err = ''
    const program = new Command('headwater')
    const output = {
      writeOut: (text: string) => void (this.out += text),
      writeErr: (text: string) => void (this.err += text)
    }
    for (const command of commands) program.addCommand(command)
    for (const command of withInner([program])) command.configureOutput(output)
    return runCommandLine(program, ['node', 'headwater', ...args], (text) => {
      this.err += `${text}\n`
    })
  }
}

function withInner(commands: readonly Command[]): Command[] {
  return commands.flatMap((command) => [command, ...withInner(command.commands)])
}
