import { HeadwaterError } from './errors.ts'

/** Where a program listens. */
export interface ListenAddress {
  readonly host: string
  /** 0: any free port. */
  readonly port: number
}

/** `127.0.0.1:8080`, `[::1]:8080`, `localhost:8080`. Throws `config` naming the text. */
export function parseListenAddress(text: string): ListenAddress {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]/]+)):(\d{1,5})$/.exec(text)
  const host = match?.[1] ?? match?.[2]
  const port = Number(match?.[3])
  if (host === undefined || port > 65535) {
    throw new HeadwaterError(
      'config',
      `${JSON.stringify(text)} is not an address: write HOST:PORT, as in "127.0.0.1:8080"`
    )
  }
  return { host, port }
}

export function formatListenAddress({ host, port }: ListenAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/**
 * Whether a host, or the address of a peer, is that of this machine: only programs on it can reach
 * the one, and come from the other. An IPv6 socket shows IPv4 peers as `::ffff:127.0.0.1`.
 */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^(::ffff:)?127(\.\d{1,3}){3}$/.test(host)
}
