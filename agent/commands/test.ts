import { Command } from 'commander'
import type { Terminal } from '../../shared/command-line.ts'
import { HeadwaterError } from '../../shared/errors.ts'
import type { FixtureResult } from '../fixtures/run-fixtures.ts'

interface TestFlags {
  readonly config: string
  readonly json?: true
}

/** `headwater-agent test` */
export function testCommand(terminal: Terminal): Command {
  return new Command('test')
    .description('run transforms over the input of fixtures and compare what comes out')
    .argument('<fixtures...>', 'YAML files with source or transforms, in and out')
    .option('--config <file>', 'where the sources are that fixtures name', 'agent.yaml')
    .option('--json', 'print JSON')
    .action(async (fixtures: readonly string[], { config, json }: TestFlags) => {
      const { runFixtures } = await import('../fixtures/run-fixtures.ts')
      const results = await runFixtures(fixtures, { config, env: terminal.env })
      terminal.print(json ? JSON.stringify(results, null, 2) : results.map(textOf).join('\n'))
      const failed = results.filter(({ passed }) => !passed).length
      if (failed === 0) return
      throw new HeadwaterError('invalid', `${failed} of ${results.length} fixtures differ`)
    })
}

const marks = { same: ' ', missing: '-', extra: '+' } as const

/** A difference is shown as by diff: `-` is wanted and missing, `+` came instead. */
function textOf({ fixture, passed, records }: FixtureResult): string {
  if (passed) return `ok    ${fixture}  (${records.length} records)`
  const shown = records.map(({ kind, text }) => `  ${marks[kind]} ${text}`)
  return [`FAIL  ${fixture}  (- wanted, + made)`, ...shown].join('\n')
}
