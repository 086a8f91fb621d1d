import type { Clock } from '../../shared/clock.ts'
import type { AgentConfig } from '../config.ts'
import { userOf } from './agent-user.ts'
import { checkClock } from './check-clock.ts'
import { checkDataDirectory } from './check-data-directory.ts'
import { checkDisk } from './check-disk.ts'
import { checkGateway } from './check-gateway.ts'
import { checkInputs } from './check-inputs.ts'
import { checkProcess } from './check-process.ts'
import { checkRunningAgent } from './check-running-agent.ts'
import { fail, type Finding, type PlacedFinding, reasonOf } from './finding.ts'
import { lockHolder } from './lock-holder.ts'
import type { Machine } from './machine.ts'
import { within } from './within.ts'

/** The longest any check may take. Milliseconds. */
const checkMs = 15_000

interface Check {
  readonly area: string
  readonly run: (signal: AbortSignal) => Promise<readonly Finding[]>
}

/** All checks at once, told in order. None takes a lock or writes; none takes longer than `checkMs`. */
export function examine(machine: Machine, config: AgentConfig): Promise<PlacedFinding[]> {
  // Of the agent that runs; where none does, of who asks.
  const agent = lockHolder(machine, config.dataDir).then((pid) => pid ?? 'self')
  const user = agent.then((pid) => userOf(machine, pid))
  const checks: readonly Check[] = [
    { area: 'process', run: async () => checkProcess(machine, await agent) },
    { area: 'clock', run: () => checkClock(machine) },
    { area: 'disk', run: () => checkDisk(machine, config) },
    { area: 'data', run: () => checkDataDirectory(machine, config) },
    { area: 'agent', run: () => checkRunningAgent(config) },
    ...config.to.map((url) => ({
      area: 'gateway',
      run: (signal: AbortSignal) => checkGateway({ url: new URL(url), config, machine }, signal)
    })),
    ...Object.entries(config.sources).map(([name, source]) => ({
      area: `source ${name}`,
      run: async (signal: AbortSignal) => checkInputs({ source, user: await user, machine }, signal)
    }))
  ]
  return runAll(checks, machine.clock)
}

/** What can be said when there is no configuration that is right. */
export function examineMachine(machine: Machine): Promise<PlacedFinding[]> {
  const checks: readonly Check[] = [
    { area: 'process', run: () => checkProcess(machine, 'self') },
    { area: 'clock', run: () => checkClock(machine) }
  ]
  return runAll(checks, machine.clock)
}

async function runAll(checks: readonly Check[], clock: Clock): Promise<PlacedFinding[]> {
  const found = await Promise.all(
    checks.map(async ({ area, run }) => {
      const findings = await bounded(run, clock)
      return findings.map((finding) => ({ area, ...finding }))
    })
  )
  return found.flat()
}

async function bounded(run: Check['run'], clock: Clock): Promise<readonly Finding[]> {
  const end = new AbortController()
  try {
    return await within(run(end.signal), checkMs, clock)
  } catch (error) {
    const todo = 'see whether a disk, a mount or a program hangs'
    return [fail(`this could not be looked at (${reasonOf(error)})`, todo)]
  } finally {
    end.abort()
  }
}
