import type { AgentStatus, Sample } from '../../../agent/control/agent-status.ts'

/** `[name, value, labels]`, the name without its beginning. */
export type Written = readonly [name: string, value: number, labels?: Record<string, string>]

/** A status with these metrics of an agent with the sources `app` and `host`. */
export function statusOf(...written: readonly Written[]): AgentStatus {
  const metrics = written.map(([name, value, labels = {}]): Sample => {
    const prefix = name.startsWith('process_') ? '' : 'headwater_agent_'
    return { name: `${prefix}${name}`, labels, value }
  })
  return { device: 'pi', pid: 7, gateways: ['http://g'], sources: ['app', 'host'], metrics }
}
