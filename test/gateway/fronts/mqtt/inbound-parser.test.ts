import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Packet } from 'mqtt-packet'
import { InboundParser } from '../../../../gateway/fronts/mqtt/inbound-parser.ts'
import { connectPacket, ping, publish, subscribe } from '../../../support/mqtt-raw-client.ts'

function parsed(
  controlBytes = 1000,
  packetBytes = 1000
): { parser: InboundParser; packets: Packet[]; raw: Buffer[] } {
  const packets: Packet[] = []
  const raw: Buffer[] = []
  const parser = new InboundParser({ controlBytes, packetBytes }, (packet, bytes) => {
    packets.push(packet)
    raw.push(Buffer.from(bytes))
  })
  return { parser, packets, raw }
}

function opened(packetBytes: number): ReturnType<typeof parsed> {
  const result = parsed(1000, packetBytes)
  result.parser.push(connectPacket())
  result.parser.open()
  result.packets.length = 0
  result.raw.length = 0
  return result
}

const packet = fc.oneof(
  fc.constant(ping),
  fc.string({ minLength: 1, maxLength: 30 }).map((topic) => subscribe(topic)),
  fc
    .tuple(fc.string({ minLength: 1, maxLength: 20 }), fc.uint8Array({ maxLength: 3000 }))
    .map(([topic, payload]) => publish(topic, Buffer.from(payload)))
)

test('packets come out whole and in order however their bytes are cut', () => {
  fc.assert(
    fc.property(
      fc.array(packet, { minLength: 1, maxLength: 10 }),
      fc.infiniteStream(fc.integer({ min: 1, max: 700 })),
      (sent, cuts) => {
        const { parser, raw } = opened(10_000)
        const bytes = Buffer.concat(sent)
        for (let at = 0; at < bytes.length; ) {
          const end = at + cuts.next().value
          parser.push(bytes.subarray(at, end))
          at = end
        }
        assert.deepEqual(raw, sent)
        assert.equal(parser.partialBytes, 0)
      }
    )
  )
})

test('what follows a CONNECT waits until it is opened, in however many pieces', () => {
  const { parser, packets } = parsed()
  const bytes = Buffer.concat([connectPacket(), publish('a', 'x'), ping])
  for (const byte of bytes) parser.push(Buffer.from([byte]))
  assert.deepEqual(
    packets.map(({ cmd }) => cmd),
    ['connect']
  )
  parser.open()
  assert.deepEqual(
    packets.map(({ cmd }) => cmd),
    ['connect', 'publish', 'pingreq']
  )
})

test('a packet that announces more than the limit is refused by its header', () => {
  const { parser } = opened(1000)
  parser.push(publish('a', Buffer.alloc(1000 - 8)).subarray(0, 3))
  const { parser: other } = opened(1000)
  assert.throws(() => other.push(publish('a', Buffer.alloc(1001 - 8)).subarray(0, 3)), {
    code: 'too_large',
    message: /1001 bytes, the limit is 1000/
  })
})

test('a CONNECT has a limit of its own', () => {
  const { parser } = parsed(30)
  assert.throws(() => parser.push(connectPacket({ clientId: 'x'.repeat(40) })), {
    code: 'too_large'
  })
})

test('a packet that announces megabytes holds only the bytes that came', () => {
  const { parser } = opened(2_000_000)
  parser.push(Buffer.from([0x30, 0x80, 0x80, 0x40]))
  parser.push(Buffer.alloc(100))
  assert.equal(parser.partialBytes, 104)
})

test('a field that is missing is not read out of the next packet', () => {
  const { parser, packets } = opened(1000)
  const withoutId = Buffer.from([0x32, 3, 0, 1, 97])
  parser.push(Buffer.concat([withoutId, ping]))
  assert.deepEqual(
    packets.map(({ cmd, messageId }) => [cmd, messageId]),
    [
      ['publish', -1],
      ['pingreq', undefined]
    ]
  )
})

test('a closed parser calls nobody, also for the rest of the chunk', () => {
  const packets: Packet[] = []
  const parser: InboundParser = new InboundParser(
    { controlBytes: 1000, packetBytes: 1000 },
    (one) => {
      packets.push(one)
      if (one.cmd === 'pingreq') parser.close()
    }
  )
  parser.push(connectPacket())
  parser.open()
  parser.push(Buffer.concat([ping, ping]))
  parser.push(ping)
  assert.deepEqual(
    packets.map(({ cmd }) => cmd),
    ['connect', 'pingreq']
  )
})

test('any bytes are either packets or an error of ours', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 40 })), (chunks) => {
      const { parser } = opened(1000)
      try {
        for (const chunk of chunks) parser.push(Buffer.from(chunk))
      } catch (error) {
        assert.ok(error instanceof Error && error.name === 'HeadwaterError', String(error))
      }
    })
  )
})
