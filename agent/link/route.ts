import { readFile } from 'node:fs/promises'
import { isIPv4 } from 'node:net'
import { join } from 'node:path'

interface Route {
  readonly interface: string
  readonly destination: number
  readonly mask: number
  readonly metric: number
}

const up = 0x1
const reject = 0x200

/**
 * The network interface that leads to a host: by the route to it where it is an IPv4 address, else
 * by the default route, over IPv4 first. Undefined when there is no route now.
 */
export async function interfaceTo(host: string, procRoot: string): Promise<string | undefined> {
  if (host === 'localhost' || host === '[::1]' || host.startsWith('127.')) return 'lo'
  const target = isIPv4(host) ? numberOf(host) : 0
  const routes = parseRoutes(await textOf(join(procRoot, 'net/route')))
  // A host that is only a name leaves by a default route.
  const found = routes
    .filter(({ destination, mask }) =>
      isIPv4(host) ? (target & mask) >>> 0 === destination : !mask
    )
    .sort((a, b) => b.mask - a.mask || a.metric - b.metric)[0]
  return found?.interface ?? defaultInterface6(await textOf(join(procRoot, 'net/ipv6_route')))
}

/** Of `/proc/net/route`: interface, destination, gateway, flags, two counts, metric, mask; in hex. */
function parseRoutes(text: string): Route[] {
  return text
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields.length >= 8 && usable(fields[3]))
    .map(([name = '', destination = '', , , , , metric, mask = '']) => ({
      interface: name,
      destination: swapped(destination),
      mask: swapped(mask),
      metric: Number(metric)
    }))
}

/** Of `/proc/net/ipv6_route`: destination and its prefix come first, the metric is the sixth. */
function defaultInterface6(text: string): string | undefined {
  return text
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(
      ([destination, prefix, , , , , , , flags, name]) =>
        /^0{32}$/.test(destination ?? '') && prefix === '00' && usable(flags) && name !== 'lo'
    )
    .sort((a, b) => Number.parseInt(a[5] ?? '', 16) - Number.parseInt(b[5] ?? '', 16))[0]?.[9]
}

function usable(flags: string | undefined): boolean {
  const bits = Number.parseInt(flags ?? '', 16)
  return (bits & up) !== 0 && (bits & reject) === 0
}

/** The kernel prints the four bytes of an address as they lie in memory, as one number. */
function swapped(hex: string): number {
  return Buffer.from(hex.padStart(8, '0'), 'hex').readUInt32LE()
}

function numberOf(address: string): number {
  return Buffer.from(address.split('.').map(Number)).readUInt32BE()
}

async function textOf(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '')
}
