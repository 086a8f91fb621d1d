import { Fields } from '../../shared/wire/fields.ts'

/** What a device says of the configuration that it was given last. */
export interface ConfigStatus {
  readonly state: 'trying' | 'applied' | 'rejected' | 'rolled_back'
  /** Absent when what came had none that could be trusted. */
  readonly version?: number
  /** The version that it runs with; absent: its own file alone. */
  readonly inForce?: number
  /** Why it was refused. */
  readonly error?: string
  /** ISO 8601, by the clock of the device. */
  readonly at: string
}

const states: readonly ConfigStatus['state'][] = ['trying', 'applied', 'rejected', 'rolled_back']
/** The rest of a longer error is cut off. Characters. */
const maxErrorChars = 8192

/** Throws `invalid` naming the field. */
export function parseStatus(value: unknown): ConfigStatus {
  const fields = new Fields(value, 'status')
  const text = fields.text('state')
  const state = states.find((one) => one === text)
  if (!state) return fields.fail('state', `must be ${states.join(' or ')}`)
  return {
    state,
    ...(fields.has('version') ? { version: fields.uint('version') } : {}),
    ...(fields.has('inForce') ? { inForce: fields.uint('inForce') } : {}),
    ...(fields.has('error') ? { error: fields.text('error').slice(0, maxErrorChars) } : {}),
    at: fields.text('at').slice(0, 40)
  }
}
