import type { IConnectPacket } from 'mqtt-packet'
import { asHeadwaterError, HeadwaterError } from '../../../shared/errors.ts'
import type { Random } from '../../../shared/random.ts'
import { isName, isPartitionKey } from '../../../shared/record.ts'
import type { Admission, Credentials, Principal } from '../../admission/admission.ts'
import type { BrokerWill } from './broker.ts'
import { connack, connackMqtt5Refused, noReceipt } from './packets.ts'
import type { Refusals } from './refusals.ts'
import type { Message } from './round.ts'
import { isWellFormedTopic, type Publisher, type TopicRules } from './topic-rules.ts'

/** Who is on the other side, as far as the socket says. */
export type Peer = Pick<Credentials, 'address' | 'certificate' | 'loopback'>

/** A client that was let in. */
export interface Client extends Publisher {
  readonly principal: Principal
  /** Unlike that of any other client: its own id within its device's. */
  readonly id: string
  readonly clean: boolean
  /** 0: none. */
  readonly keepaliveSeconds: number
  /** The message to publish when it goes without DISCONNECT: a record, or for the broker. */
  readonly will: Message | undefined
  readonly brokerWill: BrokerWill | undefined
}

export type Greeting =
  | { readonly accepted: Client }
  | { readonly refused: Buffer; readonly reason: 'rejected' | 'unauthorized' }

export interface GreeterOptions {
  readonly admission: Admission
  readonly rules: TopicRules
  readonly random: Random
  readonly refusals: Refusals
}

/** Judges CONNECT packets. */
export class Greeter {
  readonly #options: GreeterOptions

  constructor(options: GreeterOptions) {
    this.#options = options
  }

  /** Throws `invalid` for a CONNECT that breaks the protocol: no answer, the connection is closed. */
  async greet(connect: IConnectPacket, peer: Peer): Promise<Greeting> {
    if (connect.protocolVersion === 5) return { refused: connackMqtt5Refused, reason: 'rejected' }
    const { clean = true, username, password } = connect
    // [MQTT-3.1.3-8]: only a clean session may leave its id to us.
    if (connect.clientId === '' && !clean) return { refused: connack(2), reason: 'rejected' }
    const clientId = connect.clientId || `auto-${this.#options.random.bytes(8).toString('hex')}`
    if (!isPartitionKey(clientId)) return { refused: connack(2), reason: 'rejected' }
    if (password !== undefined && username === undefined) {
      throw new HeadwaterError('invalid', 'CONNECT has a password without a user name')
    }
    const will = readWill(connect)
    let principal: Principal
    try {
      principal = await this.#options.admission.authenticate({
        ...(username === undefined ? {} : { device: username }),
        ...(password === undefined ? {} : { token: password.toString() }),
        ...peer
      })
    } catch (thrown) {
      if (asHeadwaterError(thrown).retryable) return { refused: connack(3), reason: 'rejected' }
      return { refused: connack(password ? 4 : 5), reason: 'unauthorized' }
    }
    // While authentication is off a client is taken for what it says it is.
    const device = principal.device ?? [username, clientId].find((name) => isName(name))
    const provenDevice = principal.device
    const publisher = { device, defaultKey: device ?? clientId, provenDevice }
    const wills = will ? this.#judgeWill(will, publisher) : noWills
    if (!wills) return { refused: connack(5), reason: 'rejected' }
    const id = `${device ?? ''}/${clientId}`
    const keepaliveSeconds = connect.keepalive ?? 0
    return { accepted: { ...publisher, ...wills, principal, id, clean, keepaliveSeconds } }
  }

  /** Undefined for a will that must not be; one that no route matches is refused now, by itself. */
  #judgeWill(
    will: BrokerWill,
    publisher: Publisher
  ): Pick<Client, 'will' | 'brokerWill'> | undefined {
    const { rules, refusals } = this.#options
    const publication = rules.publication(will.topic, publisher)
    if (publication.to === 'broker') return { ...noWills, brokerWill: will }
    if (publication.to === 'stream') {
      const { topic, payload, qos } = will
      const { stream, key, as } = publication
      const wireBytes = topic.length + payload.length
      const promised = qos > 0
      const message = { topic, payload, stream, key, as, promised, receipt: noReceipt, wireBytes }
      return { ...noWills, will: message }
    }
    if (publication.to === 'batch' || publication.reason === 'forbidden') return undefined
    const { reason, message } = publication
    refusals.add({ reason, message, device: publisher.defaultKey, topic: will.topic })
    return noWills
  }
}

const noWills = { will: undefined, brokerWill: undefined }

function readWill({ will }: IConnectPacket): BrokerWill | undefined {
  if (!will) return undefined
  const { topic, payload, qos = 0 } = will
  if (!isWellFormedTopic(topic)) throw new HeadwaterError('invalid', 'the will has no valid topic')
  if (qos > 2) throw new HeadwaterError('invalid', 'the will has a QoS of 3')
  return { topic, payload: Buffer.from(payload), qos }
}
