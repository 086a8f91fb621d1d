import type { Health } from '../shared/health-server.ts'
import { renderMetrics } from '../shared/metrics.ts'
import { holdText } from './link/link-stats.ts'
import { agentMetrics, type AgentStats } from './metrics.ts'

/** What /healthz, /readyz and /metrics say of an agent. */
export function agentHealth(agent: { readonly isStopping: boolean; stats(): AgentStats }): Health {
  return {
    notReady: async () => {
      const { buffer, sender } = agent.stats()
      return [
        ...(buffer.mode === 'memory' ? ['the disk is unusable, records wait in memory'] : []),
        ...(sender.unauthorized ? ['the gateway refuses this device: check its id and token'] : []),
        ...(agent.isStopping ? ['the agent is stopping'] : [])
      ]
    },
    notes: () =>
      agent
        .stats()
        .link.held.map(
          ({ stream, reason }) => `stream ${stream} waits as configured: ${holdText[reason]}`
        ),
    metrics: () => renderMetrics(agentMetrics, agent.stats())
  }
}
