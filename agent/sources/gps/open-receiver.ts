import { connect, type Socket } from 'node:net'
import type { Readable } from 'node:stream'
import type { Clock } from '../../../shared/clock.ts'
import { HeadwaterError } from '../../../shared/errors.ts'
import { formatListenAddress, type ListenAddress } from '../../../shared/listen-address.ts'
import { openSerial } from '../serial/open-serial.ts'
import type { SourceContext } from '../source.ts'
import type { GpsAddress } from './gps-address.ts'

const connectMs = 10_000

/** What gpsd is told: report in JSON from now on. */
const watch = '?WATCH={"enable":true,"json":true};\n'

interface ReceiverOptions {
  readonly address: Exclude<GpsAddress, { readonly kind: 'file' }>
  readonly baud: number
  readonly context: Pick<SourceContext, 'clock' | 'environment'>
}

/** The bytes of a live receiver. Rejects with `unavailable`, naming it. */
export async function openReceiver(
  { address, baud, context }: ReceiverOptions,
  signal: AbortSignal
): Promise<Readable> {
  const { clock, environment } = context
  if (address.kind === 'serial') {
    return openSerial({ path: address.path, baud, environment }, signal)
  }
  const socket = await openSocket(address.server, clock, signal)
  if (address.kind === 'gpsd') socket.write(watch)
  return socket
}

async function openSocket(
  server: ListenAddress,
  clock: Clock,
  signal: AbortSignal
): Promise<Socket> {
  const over = new AbortController()
  const socket = connect({ ...server, keepAlive: true, keepAliveInitialDelay: 30_000 })
  const limit = clock.sleep(connectMs, AbortSignal.any([signal, over.signal])).then(() => {
    if (!over.signal.aborted) socket.destroy(new Error(`no answer within ${connectMs / 1000} s`))
  })
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve).once('error', reject)
    })
    return socket
  } catch (cause) {
    const what = `${formatListenAddress(server)} cannot be reached`
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new HeadwaterError('unavailable', `${what}: ${why}`, { cause })
  } finally {
    over.abort()
    await limit
  }
}
