import { join } from 'node:path'
import type { Clock } from '../shared/clock.ts'
import type { Log } from '../shared/log.ts'
import type { AgentConfig } from './config.ts'
import { Calendar } from './link/calendar.ts'
import { LinkPolicy, type StreamRules } from './link/link-policy.ts'
import { Metering } from './link/metering.ts'
import { UsageLedger } from './link/usage-ledger.ts'

/** What a crash may at most count too much while little moves. Bytes. */
const aheadBytes = 64 * 1024

const usual: StreamRules = { priority: 'normal', wait: 'never' }

/** The rules of the link, as the configuration has them. */
export function createLink(
  { link, streams, dataDir }: AgentConfig,
  { clock, log }: { readonly clock: Clock; readonly log: Log }
): LinkPolicy {
  const { budget, quietHours, metered: mode, timeZone } = link
  const { day, month, counts } = budget
  const rules = Object.values(streams)
  const limits = [day, month].filter((limit) => limit !== undefined)
  const asks = counts === 'metered' || rules.some(({ wait }) => wait === 'unmetered')
  const reserve = rules.some(({ priority }) => priority === 'high') ? budget.reserve : 0
  return new LinkPolicy({
    budget: { day, month, counts, reserve },
    quietHours,
    rulesOf: (stream) => streams[stream] ?? usual,
    metering: asks ? new Metering({ mode, clock }) : undefined,
    ledger: new UsageLedger({
      // Without a budget there is nothing that must survive.
      path: limits.length > 0 ? join(dataDir, 'link-usage.json') : undefined,
      aheadBytes: Math.min(aheadBytes, ...limits.map((limit) => Math.ceil(limit / 100))),
      calendar: new Calendar(timeZone),
      clock,
      log
    }),
    clock,
    log
  })
}
