import type { AgentStatus } from '../control/agent-status.ts'
import { ControlClient } from '../control/control-client.ts'
import type { AgentConfig } from '../config.ts'
import { fail, type Finding, ok, reasonOf, warn } from './finding.ts'

/** What the agent says of itself, if it runs. */
export function checkRunningAgent({ dataDir }: AgentConfig): Promise<readonly Finding[]> {
  return new ControlClient(dataDir).status().then(statusFindings, (error: Error) => {
    const isAbsent = ['ENOENT', 'ECONNREFUSED'].includes(reasonOf(error.cause))
    return isAbsent
      ? [
          warn(
            'no agent runs with this data directory',
            'start it: systemctl start headwater-agent, or headwater-agent run'
          )
        ]
      : [warn(error.message, 'ask as its user; if it does not answer, see its log')]
  })
}

export function statusFindings({ pid, metrics }: AgentStatus): readonly Finding[] {
  const sum = (name: string) =>
    metrics
      .filter((sample) => sample.name === `headwater_agent_${name}`)
      .reduce((total, sample) => total + sample.value, 0)
  const findings: Finding[] = [ok(`it runs, process ${pid}`)]
  if (sum('memory_mode') > 0) {
    findings.push(fail('the disk is unusable, records wait in memory', 'see disk and data above'))
  }
  if (sum('unauthorized') > 0) {
    findings.push(fail('the gateway refuses this device', 'check its id and token'))
  }
  for (const { name, labels } of metrics) {
    if (name !== 'headwater_agent_held_stream') continue
    const { stream, code } = labels
    findings.push(
      fail(`the gateway refuses the stream ${stream}: ${code}`, 'let the device write it')
    )
  }
  const waiting = `${sum('backlog_records')} records wait, the oldest for ${Math.round(sum('oldest_unsent_seconds'))} s`
  findings.push(
    sum('backlog_records') > 0 && sum('connected') === 0
      ? warn(waiting, 'the gateway does not answer: see gateway below')
      : ok(waiting)
  )
  const lost = sum('lost_records_total')
  if (lost > 0)
    findings.push(warn(`${lost} records were lost`, 'see the loss ledger in its metrics'))
  const parked = sum('parked_records_total')
  if (parked > 0) {
    findings.push(
      warn(`${parked} records were refused for good`, 'see them: headwater-agent buffer dlq')
    )
  }
  const restarts = sum('source_restarts_total')
  if (restarts > 0) {
    findings.push(warn(`sources failed ${restarts} times and were run again`, 'see its log'))
  }
  return findings
}
