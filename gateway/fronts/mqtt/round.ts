import { ColumnsBuilder } from '../../../shared/columns-builder.ts'
import type { RecordColumns } from '../../../shared/record.ts'
import type { Ack } from '../../../shared/wire/ack.ts'
import { readOwntracks } from '../trackers/owntracks.ts'
import { noReceipt, type Receipt } from './packets.ts'
import type { RefusalReason } from './refusals.ts'
import type { Reply } from './replies.ts'
import type { MessageForm } from './routes.ts'

/** One plain message and the record it becomes. */
export interface Message {
  readonly topic: string
  readonly stream: string
  readonly key: string
  readonly payload: Buffer
  /** Absent: the payload is the record. */
  readonly as?: MessageForm | undefined
  /** QoS 1 or 2: a throttled stream is no reason to drop it. */
  readonly promised: boolean
  /** What its acknowledgement will be, if somebody waits for one. */
  readonly receipt: Receipt
  readonly wireBytes: number
}

export interface RefusedMessage {
  readonly topic: string
  readonly reason: RefusalReason
  readonly message: string
  readonly qos: 0 | 1
}

/** The messages of a round for one stream, as columns. */
export class Lot {
  readonly stream: string
  readonly #builder = new ColumnsBuilder({ partitionKey: '', time: 0 })
  readonly topics: string[] = []
  /** For each record the place of its message in the round. */
  readonly places: number[] = []
  wireBytes = 0
  /** Whether any message in it is. */
  promised = false

  constructor(stream: string) {
    this.stream = stream
  }

  get count(): number {
    return this.places.length
  }

  /** `time` is when it came. */
  add(message: Message, time: number, place: number): void {
    const { payload, key: partitionKey } = message
    if (message.as === 'owntracks') {
      const { data, timeMs, attributes } = readOwntracks(payload, time)
      this.#builder.add(data, { partitionKey, time: timeMs, attributes })
    } else {
      this.#builder.add(payload, { partitionKey, time })
    }
    this.topics.push(message.topic)
    this.places.push(place)
    this.wireBytes += message.wireBytes
    this.promised ||= message.promised
  }

  columns(): RecordColumns {
    return this.#builder.build()
  }
}

/** What one connection sent while the round before it was on its way to the engine. */
export class Round {
  readonly reply: Reply
  readonly #lots = new Map<string, Lot>()
  /** One for each message in the order they came. */
  readonly #receipts: Receipt[] = []
  /** Places of messages that are not durable and get no acknowledgement. */
  readonly #failed = new Set<number>()
  chargedBytes = 0
  /** Whether it is carried through after its connection ended: nobody will send it again. */
  lasting = false

  constructor(reply: Reply) {
    this.reply = reply
  }

  get lots(): readonly Lot[] {
    return [...this.#lots.values()]
  }

  add(message: Message, time: number): void {
    let lot = this.#lots.get(message.stream)
    if (!lot) {
      lot = new Lot(message.stream)
      this.#lots.set(message.stream, lot)
    }
    lot.add(message, time, this.#receipts.length)
    this.#receipts.push(message.receipt)
  }

  /** Takes a final answer; returns the messages that were refused for good. */
  judge(lot: Lot, ack: Ack): RefusedMessage[] {
    if (ack.code === 'ok') {
      return ack.rejected.map(({ seq, code, message }) =>
        this.#refuse(lot, seq - ack.first, { reason: code, message })
      )
    }
    const why = { reason: ack.code, message: ack.message ?? 'refused' }
    return lot.places.map((_, index) => this.#refuse(lot, index, why))
  }

  /** Nothing of this lot will be durable. Returns how many messages nobody will send again. */
  giveUp(lot: Lot): number {
    for (const place of lot.places) this.#failed.add(place)
    return lot.places.filter((place) => this.#receipts[place] === noReceipt).length
  }

  /** The receipts of the messages that are durable, and of those that are not; each in order. */
  receipts(): { durable: Receipt[]; failed: Receipt[] } {
    const durable: Receipt[] = []
    const failed: Receipt[] = []
    this.#receipts.forEach((receipt, place) => {
      if (receipt === noReceipt) return
      if (this.#failed.has(place)) failed.push(receipt)
      else durable.push(receipt)
    })
    return { durable, failed }
  }

  #refuse(
    lot: Lot,
    index: number,
    why: { reason: RefusalReason; message: string }
  ): RefusedMessage {
    const place = lot.places[index] ?? -1
    this.#failed.add(place)
    const qos = this.#receipts[place] === noReceipt ? 0 : 1
    return { ...why, topic: lot.topics[index] ?? '', qos }
  }
}
