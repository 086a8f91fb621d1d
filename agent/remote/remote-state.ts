import type { SignedConfig } from '../../shared/signed-config.ts'

/** How often one version is tried: a crash, a power cut or a dead link may not be its fault. */
export const maxTries = 2
/** How often the agent may end before it has started with a version that was kept. */
export const maxStarts = 3

/** What the gateway is told. */
export interface Report {
  readonly state: 'trying' | 'applied' | 'rejected' | 'rolled_back'
  /** Absent when what came has none that can be trusted. */
  readonly version?: number
  /** Of the signed text. */
  readonly digest: string
  /** Why it was refused: what the operator would have seen beside the device. */
  readonly error?: string
  /** ISO 8601. */
  readonly at: string
}

export interface Candidate {
  readonly signed: SignedConfig
  readonly tries: number
  /** Records reached the gateway before it was tried. */
  readonly wasConnected: boolean
}

/**
 * What an agent knows of the configurations it was given; one file, replaced whole.
 *
 *     (good) --newer, signed, checked: `trying`--> (candidate, tries 1)
 *     (candidate) --healthy for the window: `passed`--> (good, the candidate)
 *     (candidate) --its own fault: `refused`--> (good, as before)
 *     (candidate) --crash, power cut, dead link--> tries < 2: `trying` again, else `refused`
 *     (candidate) --a newer one comes: `seen`--> (good, as before)
 *     (good) --ends three starts in a row--> `abandoned`: none, the file of the device alone
 *     (good) --not believed any more--> `abandoned`
 *
 * The state says what the next start begins with, so it is written before a candidate is in force.
 */
export interface RemoteState {
  /** Highest version seen, by key. */
  readonly highest: Readonly<Record<string, number>>
  /** Absent: the file of the device alone. */
  readonly good?: { readonly signed: SignedConfig; readonly starts: number }
  readonly candidate?: Candidate
  readonly report?: Report
}

export type Outcome = Pick<Report, 'at' | 'error'>

export const noState: RemoteState = { highest: {} }

/** It was never in force. */
export function rejected(
  state: RemoteState,
  config: Pick<SignedConfig, 'digest'> & Partial<SignedConfig>,
  outcome: Outcome
): RemoteState {
  return { ...state, report: reportOf('rejected', config, outcome) }
}

/**
 * Its signature and target are right: an older one is worth nothing from now on, nor is it tried
 * once more.
 */
export function seen(
  { candidate, ...rest }: RemoteState,
  { keyId, version }: SignedConfig
): RemoteState {
  const highest = Math.max(version, rest.highest[keyId] ?? 0)
  const isOld = candidate?.signed.keyId === keyId && candidate.signed.version < highest
  return {
    ...rest,
    ...(candidate && !isOld ? { candidate } : {}),
    highest: { ...rest.highest, [keyId]: highest }
  }
}

/** It is about to be in force, for the first time or once more. */
export function trying(
  state: RemoteState,
  config: SignedConfig,
  { at, wasConnected }: Pick<Outcome, 'at'> & Pick<Candidate, 'wasConnected'>
): RemoteState {
  const { candidate } = state
  const before = candidate?.signed.digest === config.digest ? candidate : undefined
  return {
    ...state,
    candidate: {
      signed: config,
      tries: (before?.tries ?? 0) + 1,
      wasConnected: before?.wasConnected ?? wasConnected
    },
    report: reportOf('trying', config, { at })
  }
}

/** The agent was asked to end in the middle of a try, which then counts for nothing. */
export function interrupted(state: RemoteState): RemoteState {
  const { candidate } = state
  if (!candidate) return state
  return { ...state, candidate: { ...candidate, tries: candidate.tries - 1 } }
}

/** It was healthy: from now on the agent starts with it. */
export function passed(state: RemoteState, config: SignedConfig, at: string): RemoteState {
  const { candidate: _candidate, ...rest } = state
  const good = { signed: config, starts: 0 }
  return { ...rest, good, report: reportOf('applied', config, { at }) }
}

/** It was in force and is no more. With `again` it stays a candidate while it has tries left. */
export function rolledBack(
  state: RemoteState,
  config: SignedConfig,
  { again, ...outcome }: Outcome & { readonly again: boolean }
): RemoteState {
  const { candidate, ...rest } = state
  const report = reportOf('rolled_back', config, outcome)
  const stays = again && candidate && candidate.tries < maxTries
  return { ...rest, ...(stays ? { candidate } : {}), report }
}

/** What was kept cannot be started with, or is not believed: the file of the device alone is left. */
export function abandoned(state: RemoteState, config: SignedConfig, outcome: Outcome): RemoteState {
  const { good: _good, ...rest } = state
  return { ...rest, report: reportOf('rolled_back', config, outcome) }
}

export function withStarts(state: RemoteState, starts: number): RemoteState {
  return state.good ? { ...state, good: { ...state.good, starts } } : state
}

function reportOf(
  state: Report['state'],
  { version, digest }: Pick<SignedConfig, 'digest'> & Partial<SignedConfig>,
  outcome: Outcome
): Report {
  return { state, ...(version === undefined ? {} : { version }), digest, ...outcome }
}
