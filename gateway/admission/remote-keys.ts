import type { FetchImplementation, JWTVerifyGetKey } from 'jose'
import type { Clock } from '../../shared/clock.ts'

/** Ten thousand keys; more is no JWKS. */
const maxBytes = 1024 * 1024
const pauseMs = 5000

/**
 * Public keys (JWKS) behind a URL, asked for as `createRemoteJWKSet` of jose does, but of bounded
 * size, and after a failure not again for five seconds: anybody can send a token that names an
 * unknown key.
 */
export async function remoteKeys(url: string, clock: Clock): Promise<JWTVerifyGetKey> {
  const { createLocalJWKSet, createRemoteJWKSet, customFetch } = await import('jose')
  let failure: { readonly cause: unknown; readonly untilMs: number } | undefined
  const ask: FetchImplementation = async (address, options) => {
    if (failure && clock.monoMs() < failure.untilMs) throw failure.cause
    try {
      const text = await readKeys(await fetch(address, options))
      createLocalJWKSet(JSON.parse(text))
      failure = undefined
      return new Response(text)
    } catch (cause) {
      failure = { cause, untilMs: clock.monoMs() + pauseMs }
      throw cause
    }
  }
  return createRemoteJWKSet(new URL(url), { [customFetch]: ask })
}

async function readKeys({ status, body }: Response): Promise<string> {
  if (status !== 200 || !body) {
    await body?.cancel()
    throw new Error(`the answer has status ${status}, not 200`)
  }
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of body) {
    bytes += chunk.length
    if (bytes > maxBytes) throw new Error(`the answer has more than ${maxBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}
