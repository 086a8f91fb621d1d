import type { Clock } from '../shared/clock.ts'
import type { Log } from '../shared/log.ts'
import type { Random } from '../shared/random.ts'
import type { AgentBuffer } from './buffer/buffer.ts'
import type { AgentConfig } from './config.ts'
import type { LinkPolicy } from './link/link-policy.ts'
import { Gateways } from './sender/gateways.ts'
import type { NewestFirst } from './sender/newest-first.ts'
import { Sender } from './sender/sender.ts'
import { createTransport } from './sender/transports/index.ts'
import type { Transport } from './sender/transports/transport.ts'

export interface SenderDependencies {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** Decides when streams may be sent, and counts what is. */
  readonly link: LinkPolicy
}

/** The sender and its transports, one for each gateway, as the configuration has them. */
export function createSender(
  config: AgentConfig,
  store: AgentBuffer,
  { clock, random, log, link }: SenderDependencies
): Sender {
  const [first, ...others] = config.to.map((url) => transportOf(config, url, clock))
  if (!first) throw new TypeError('a configuration has at least one gateway')
  const gateways = others.length === 0 ? first : new Gateways([first, ...others], { clock, log })
  const transport = link.counted(gateways)
  const { window, stall } = config.sender
  const backoff = { firstMs: config.sender.backoff.first, maxMs: config.sender.backoff.max }
  return new Sender({
    store,
    transport,
    window,
    backoff,
    stallMs: stall,
    gate: link,
    newestFirst: newestFirstOf(config, store),
    clock,
    random,
    log
  })
}

function newestFirstOf({ streams, sender }: AgentConfig, { lanes }: AgentBuffer): NewestFirst {
  return {
    lanes,
    liveShare: sender.liveShare / 100,
    backlogAfterMs: (stream) => {
      const { order, backlogAfter } = streams[stream] ?? {}
      return order === 'newest-first' ? backlogAfter : undefined
    }
  }
}

function transportOf(config: AgentConfig, url: string, clock: Clock): Transport {
  const { ca, cert, key, insecure } = config.tls
  const { token } = config
  return createTransport(
    {
      url: new URL(url),
      device: config.device,
      token: token && (() => token.read()),
      format: config.format,
      gzip: config.gzip,
      tls: {
        insecure,
        ...(ca === undefined ? {} : { ca }),
        ...(cert === undefined ? {} : { cert }),
        ...(key === undefined ? {} : { key })
      },
      timeoutMs: config.sender.timeout
    },
    clock
  )
}
