import type { Command } from 'commander'
import { systemClock } from '../../shared/clock.ts'
import type { Terminal } from '../../shared/command-line.ts'
import { configCommand } from '../../shared/config/config-command.ts'
import { HeadwaterError } from '../../shared/errors.ts'
import { printable } from '../../shared/printable.ts'
import type { PlacedFinding } from '../doctor/finding.ts'
import { agentConfigSpec } from './config-spec.ts'

/** `headwater-agent doctor` */
export function doctorCommand(terminal: Terminal, root = '/'): Command {
  const { command, load } = configCommand('doctor', agentConfigSpec, terminal)
  return command
    .description('look for what keeps, or will keep, the agent from its work')
    .option('--json', 'print JSON')
    .action(async ({ json }: { readonly json?: true }) => {
      const [{ examine, examineMachine }, { askWith }] = await Promise.all([
        import('../doctor/examine.ts'),
        import('../clock/evidence.ts')
      ])
      const machine = { root, clock: systemClock, ask: askWith(terminal.env) }
      const config = await load().catch(asConfigError)
      const findings =
        config instanceof HeadwaterError
          ? [...configFindings(config), ...(await examineMachine(machine))]
          : await examine(machine, config)
      terminal.print(json ? JSON.stringify(findings, null, 2) : tableOf(findings))
      const failed = findings.filter(({ level }) => level === 'FAIL').length
      if (failed > 0) throw new HeadwaterError('unavailable', `${failed} of these FAIL`)
    })
}

/** A configuration that is wrong is a finding among others. */
function asConfigError(error: unknown): HeadwaterError {
  if (error instanceof HeadwaterError && error.code === 'config') return error
  throw error
}

function configFindings({ message }: HeadwaterError): PlacedFinding[] {
  return message.split('\n').map((what) => ({
    area: 'config',
    level: 'FAIL',
    what,
    todo: 'nothing that depends on it was looked at'
  }))
}

function tableOf(findings: readonly PlacedFinding[]): string {
  const width = Math.max(...findings.map(({ area }) => area.length))
  return findings
    .map(({ level, area, what, todo }) => {
      const advice = todo === undefined ? '' : `; ${todo}`
      return `${level.padEnd(4)}  ${area.padEnd(width)}  ${printable(what + advice)}`
    })
    .join('\n')
}
