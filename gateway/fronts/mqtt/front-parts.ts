import type { Clock } from '../../../shared/clock.ts'
import type { Log } from '../../../shared/log.ts'
import type { Random } from '../../../shared/random.ts'
import type { Admission } from '../../admission/admission.ts'
import type { Broker } from './broker.ts'
import type { Greeter } from './greeting.ts'
import type { MqttLimits } from './mqtt-limits.ts'
import type { Qos2Store } from './qos2-store.ts'
import type { PendingPool } from './pending-pool.ts'
import type { Refusals } from './refusals.ts'
import type { Tally } from './tally.ts'
import type { TopicRules } from './topic-rules.ts'
import type { Wire } from './wire.ts'

/** What all connections of the front share. */
export interface FrontParts {
  readonly admission: Admission
  /** Only where clients may talk to each other. */
  readonly broker: Broker | undefined
  readonly greeter: Greeter
  readonly rules: TopicRules
  readonly refusals: Refusals
  readonly qos2: Qos2Store
  readonly pool: PendingPool
  /** Who is connected, by the id of `Client`. */
  readonly clients: Map<string, Wire>
  readonly tally: Tally
  readonly limits: MqttLimits
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** Aborts when the front's stop waits no longer. */
  readonly giveUp: AbortSignal
}
