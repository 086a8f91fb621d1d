import { BlockList, isIP, isIPv4 } from 'node:net'
import { HeadwaterError } from '../../../shared/errors.ts'

/** The addresses that may send. */
export class Peers {
  readonly #list = new BlockList()
  readonly #all: boolean

  /** `ranges`: addresses, with or without `/bits`; none: everybody. Throws `config` naming the text. */
  constructor(ranges: readonly string[]) {
    this.#all = ranges.length === 0
    for (const range of ranges) this.#add(range)
  }

  allows(address: string): boolean {
    if (this.#all) return true
    return this.#list.check(address, isIPv4(address) ? 'ipv4' : 'ipv6')
  }

  #add(range: string): void {
    const [, address = '', bits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(range) ?? []
    const version = isIP(address)
    const most = version === 4 ? 32 : 128
    if (version === 0 || Number(bits ?? 0) > most) {
      throw new HeadwaterError(
        'config',
        `allow: ${JSON.stringify(range)} is no address and no range: write "10.0.0.7" or "10.0.0.0/8"`
      )
    }
    this.#list.addSubnet(address, Number(bits ?? most), version === 4 ? 'ipv4' : 'ipv6')
  }
}

/** An address as a person writes it: IPv4 that came over an IPv6 socket is IPv4. */
export function peerName(address: string): string {
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] ?? address
}
