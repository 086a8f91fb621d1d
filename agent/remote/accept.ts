import { HeadwaterError } from '../../shared/errors.ts'
import { type SignedConfig, verifyConfig } from '../../shared/signed-config.ts'
import type { AgentConfig } from '../config.ts'
import type { RemoteState } from './remote-state.ts'

/** Who the agent is, and whom it believes. */
export type Receiver = Pick<AgentConfig, 'device' | 'remote'>

/**
 * What came, if somebody this agent believes signed it for this agent. Throws `forbidden` with the
 * reason, `invalid` when it cannot be understood.
 */
export function authentic(text: string, { device, remote }: Receiver): SignedConfig {
  const config = verifyConfig(text, remote?.publicKey ?? [])
  const group = remote?.group
  const names = [`device/${device}`, ...(group === undefined ? [] : [`group/${group}`]), 'all']
  if (names.includes(config.target)) return config
  throw new HeadwaterError(
    'forbidden',
    `it is signed for ${config.target}; this agent takes what is for ${names.join(', ')}`
  )
}

/**
 * Throws `conflict` for an old one, which somebody may have kept and given out again. The candidate
 * may be tried once more.
 */
export function requireNewer({ version, keyId, digest }: SignedConfig, state: RemoteState): void {
  const highest = state.highest[keyId] ?? 0
  if (version > highest || state.candidate?.signed.digest === digest) return
  const seen = version === highest ? 'was seen before' : `is older than ${highest}, seen before`
  throw new HeadwaterError('conflict', `version ${version} ${seen}; sign it with a higher one`)
}
