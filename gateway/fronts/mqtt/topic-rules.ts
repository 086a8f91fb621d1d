import { isName, isPartitionKey } from '../../../shared/record.ts'
import { ackTopic, batchTopic, jsonBatchTopic, topicPrefix } from '../../../shared/wire/topics.ts'
import { foreignTracker, type TrackerIds } from '../trackers/tracker-ids.ts'
import type { RefusalReason } from './refusals.ts'
import type { MessageForm, Routes } from './routes.ts'

/** What becomes of a message that a client publishes. */
export type Publication =
  | {
      readonly to: 'stream'
      readonly stream: string
      readonly key: string
      readonly as?: MessageForm
    }
  /** A batch of an agent; `stream` stands in the topic of the JSON form, in the CBOR in the batch. */
  | { readonly to: 'batch'; readonly stream: string | undefined }
  | { readonly to: 'broker' }
  | { readonly to: 'refused'; readonly reason: RefusalReason; readonly message: string }

/** Whether this is where the Acks of the device go, the one topic of the product it may read. */
export function isAckTopic(topic: string, device: string | undefined): boolean {
  return device !== undefined && topic === ackTopic(device)
}

/** Whether a topic can be published on (MQTT 3.1.1 section 4.7). */
export function isWellFormedTopic(topic: string): boolean {
  return topic !== '' && !/[+#\0]/.test(topic)
}

/** Who publishes: the device, where there is one, and the key of records without a key. */
export interface Publisher {
  readonly device: string | undefined
  readonly defaultKey: string
  /** The device that showed a token or certificate; undefined: none was asked for. */
  readonly provenDevice?: string | undefined
}

export interface TopicRulesOptions {
  /** Topics without a route are ordinary traffic between clients. */
  readonly pubsub: boolean
  /** Trackers that a device may send for; their name is the key. */
  readonly trackerIds: TrackerIds
}

/** Everything that is the product's own; no client reads or writes here but on its device's topics. */
const reservedPrefix = topicPrefix.slice(0, topicPrefix.indexOf('/') + 1)

const noStreamName = 'a stream has 1 to 128 characters of a-z A-Z 0-9 _ . -'

/** What clients may publish and subscribe to. */
export class TopicRules {
  readonly #routes: Routes
  readonly #pubsub: boolean
  readonly #trackerIds: TrackerIds

  constructor(routes: Routes, { pubsub, trackerIds }: TopicRulesOptions) {
    this.#routes = routes
    this.#pubsub = pubsub
    this.#trackerIds = trackerIds
  }

  /** `topic` is well-formed. */
  publication(topic: string, publisher: Publisher): Publication {
    if (topic.startsWith('$')) return refused('forbidden', 'topics that begin with $ are reserved')
    if (topic.startsWith(reservedPrefix)) return this.#reserved(topic, publisher.device)
    const destination = this.#routes.find(topic, publisher.defaultKey)
    if (!destination) {
      if (this.#pubsub) return { to: 'broker' }
      return refused(
        'no_route',
        `no route for this topic; there are ${this.#routes.filters.join(', ')}`
      )
    }
    const { stream, key = publisher.defaultKey, as } = destination
    if (!isName(stream)) {
      return refused('invalid', noStreamName)
    }
    if (!isPartitionKey(key)) {
      return refused(
        'invalid',
        'the topic gives a partition key that is not of 1 to 256 characters'
      )
    }
    if (!as) return { to: 'stream', stream, key }
    const { provenDevice: device } = publisher
    const foreign = foreignTracker(this.#trackerIds, { device, tracker: key })
    return foreign === undefined ? { to: 'stream', stream, key, as } : refused('forbidden', foreign)
  }

  /** Whether `filter` may be subscribed to. */
  maySubscribe(filter: string, device: string | undefined): boolean {
    if (isAckTopic(filter, device)) return true
    return this.#pubsub && !filter.startsWith('$') && !filter.startsWith(reservedPrefix)
  }

  /** Whether the broker may bring a message to a client, whatever wildcard it was caught with. */
  mayDeliver(topic: string): boolean {
    return this.#pubsub && !topic.startsWith('$') && !topic.startsWith(reservedPrefix)
  }

  #reserved(topic: string, device: string | undefined): Publication {
    if (device !== undefined) {
      if (topic === batchTopic(device)) return { to: 'batch', stream: undefined }
      const jsonPrefix = jsonBatchTopic(device, '')
      if (topic.startsWith(jsonPrefix)) {
        const stream = topic.slice(jsonPrefix.length)
        return isName(stream) ? { to: 'batch', stream } : refused('invalid', noStreamName)
      }
    }
    const who = device === undefined ? 'a client without a device name' : `device "${device}"`
    return refused('forbidden', `${who} may not publish on this topic`)
  }
}

function refused(reason: RefusalReason, message: string): Publication {
  return { to: 'refused', reason, message }
}
