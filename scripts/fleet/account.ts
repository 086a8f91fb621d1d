import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'

/** What a reader of the stream finds of the fixes that the vehicles made. */
export interface Account {
  readonly read: number
  readonly missing: number
  readonly repeated: number
  readonly outOfOrder: number
}

/**
 * Reads the stream from its start and compares it with the number of fixes of each vehicle, which
 * numbered them from 1. A fix counts as out of order when a later one of its vehicle came before it.
 */
export async function accountOf(
  gateway: URL,
  stream: string,
  fixes: ReadonlyMap<string, number>
): Promise<Account> {
  const answer = await fetch(new URL(`/v1/streams/${stream}/records?from=start`, gateway))
  if (!answer.ok || !answer.body) throw new Error(`the stream cannot be read: ${answer.status}`)
  const seen = new Map<string, { readonly fixes: Set<number>; last: number }>()
  const found = { read: 0, repeated: 0, outOfOrder: 0 }
  for await (const line of createInterface({ input: Readable.fromWeb(answer.body as never) })) {
    if (line === '') continue
    const { device, data } = JSON.parse(line) as { device: string; data: string }
    const { n } = JSON.parse(Buffer.from(data, 'base64').toString()) as { n: number }
    const vehicle = seen.get(device) ?? { fixes: new Set<number>(), last: 0 }
    seen.set(device, vehicle)
    found.read += 1
    if (vehicle.fixes.has(n)) found.repeated += 1
    else if (n < vehicle.last) found.outOfOrder += 1
    vehicle.fixes.add(n)
    vehicle.last = Math.max(vehicle.last, n)
  }
  let missing = 0
  for (const [device, made] of fixes) missing += made - (seen.get(device)?.fixes.size ?? 0)
  return { ...found, missing }
}
