import { generate } from 'mqtt-packet'
import { HeadwaterError } from '../../../shared/errors.ts'

/** mqtt-packet gives -1 where a packet ends before its id. Throws `invalid`. */
export function requirePacketId(packetId: number | undefined): number {
  if (packetId !== undefined && packetId > 0) return packetId
  throw new HeadwaterError('invalid', 'a packet without a packet id')
}

/** The front's own packets, as bytes (MQTT 3.1.1 sections 3.2 to 3.13). */
export const pingresp = Buffer.from([0xd0, 0])

/** CONNACK return codes of MQTT 3.1.1 section 3.2.2.3. */
export type ConnackCode = 0 | 1 | 2 | 3 | 4 | 5

export function connack(code: ConnackCode, sessionPresent = false): Buffer {
  return Buffer.from([0x20, 2, sessionPresent ? 1 : 0, code])
}

/** In the form of MQTT 5, so that such a client can read it: 0x84, unsupported protocol version. */
export const connackMqtt5Refused = Buffer.from([0x20, 3, 0, 0x84, 0])

/** `granted`: for each filter its QoS, or 0x80 for a refusal. */
export function suback(packetId: number, granted: readonly number[]): Buffer {
  return generate({ cmd: 'suback', messageId: packetId, granted: [...granted] })
}

export function unsuback(packetId: number): Buffer {
  return Buffer.from([0xb0, 2, packetId >> 8, packetId & 0xff])
}

export function pubcomp(packetId: number): Buffer {
  return Buffer.from([0x70, 2, packetId >> 8, packetId & 0xff])
}

export function publishQos0(topic: string, payload: Buffer | string): Buffer {
  return generate({ cmd: 'publish', topic, payload, qos: 0, dup: false, retain: false })
}

/**
 * What acknowledges one PUBLISH, as a number: its packet id, with a bit above it for QoS 2. None for
 * QoS 0.
 */
export type Receipt = number
export const noReceipt: Receipt = 0
const qos2Bit = 0x10000

export function receiptOf(packetId: number, qos: 1 | 2): Receipt {
  return qos === 2 ? packetId | qos2Bit : packetId
}

export function isQos2(receipt: Receipt): boolean {
  return receipt >= qos2Bit
}

export function packetIdOf(receipt: Receipt): number {
  return receipt & 0xffff
}

/** PUBACKs and PUBRECs end to end. */
export function encodeReceipts(receipts: readonly Receipt[]): Buffer {
  const bytes = Buffer.allocUnsafe(receipts.length * 4)
  for (let i = 0; i < receipts.length; i++) {
    const receipt = receipts[i] as number
    bytes[i * 4] = isQos2(receipt) ? 0x50 : 0x40
    bytes[i * 4 + 1] = 2
    bytes.writeUInt16BE(packetIdOf(receipt), i * 4 + 2)
  }
  return bytes
}
