import type { IPublishPacket } from 'mqtt'
import { type Attributes, isPartitionKey, recordLimits } from '../../../shared/record.ts'
import type { InboxRecord } from '../inbox.ts'

/** A longer payload is cut to this: a record must fit into a frame with its key. Bytes. */
export const maxPayloadBytes = recordLimits.recordBytes - 64 * 1024

/** A topic may have 64 KiB, attributes less. Characters. */
const maxTopicChars = 4096

/** Which part of a topic is the partition key; `segment` counts from 1. */
export type MqttKey = 'device' | 'topic' | { readonly segment: number }

/** The record of a message; `deviceKey` where the topic has no part that can be a key. */
export function messageRecord(
  packet: IPublishPacket,
  stamp: { readonly key: MqttKey; readonly deviceKey: string; readonly time: number }
): InboxRecord {
  const payload = typeof packet.payload === 'string' ? Buffer.from(packet.payload) : packet.payload
  const cut = payload.length > maxPayloadBytes
  const attributes: Attributes = {
    topic: packet.topic.slice(0, maxTopicChars).toWellFormed(),
    ...(packet.retain ? { retained: 'true' } : {}),
    ...(cut ? { truncated: 'true' } : {})
  }
  const key = keyOf(packet.topic, stamp.key)
  return {
    data: cut ? payload.subarray(0, maxPayloadBytes) : payload,
    partitionKey: isPartitionKey(key) ? key : stamp.deviceKey,
    time: stamp.time,
    attributes
  }
}

function keyOf(topic: string, key: MqttKey): string | undefined {
  if (key === 'device') return undefined
  if (key === 'topic') return topic
  return topic.split('/')[key.segment - 1]
}
