import { HeadwaterError } from './errors.ts'
import { formatListenAddress, type ListenAddress } from './listen-address.ts'

/**
 * Why a program cannot listen at an address: `port_taken`, else `config`. `setting` is what moves it,
 * as a person writes it in front of HOST:PORT.
 */
export function listenError(
  address: ListenAddress,
  setting: string,
  cause: unknown
): HeadwaterError {
  const where = formatListenAddress(address)
  const advice = `choose another with ${setting} HOST:PORT, or ${setting} off`
  if ((cause as NodeJS.ErrnoException).code === 'EADDRINUSE') {
    return new HeadwaterError('port_taken', `${where} is in use; ${advice}`, { cause })
  }
  const why = cause instanceof Error ? cause.message : String(cause)
  return new HeadwaterError('config', `cannot listen on ${where} (${why}); ${advice}`, { cause })
}
