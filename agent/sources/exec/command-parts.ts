import type { Complaints } from '../process/complaints.ts'
import type { SourceContext } from '../source.ts'
import type { Tally } from '../tally.ts'
import type { Command } from './command.ts'
import type { Delivery } from './delivery.ts'
import type { ExecOptions } from './exec-options.ts'
import type { LineOutput } from './line-output.ts'

/** What both ways to run a command work with. */
export interface CommandParts {
  readonly exec: ExecOptions
  readonly context: SourceContext
  readonly tally: Tally
  readonly complaints: Complaints
  readonly delivery: Delivery
  readonly lines: LineOutput
  readonly command: Command
}
