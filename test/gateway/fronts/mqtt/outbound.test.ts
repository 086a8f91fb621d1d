import assert from 'node:assert/strict'
import { Writable } from 'node:stream'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Packet, parser } from 'mqtt-packet'
import { Outbound } from '../../../../gateway/fronts/mqtt/outbound.ts'
import { connack, encodeReceipts } from '../../../../gateway/fronts/mqtt/packets.ts'
import { publish } from '../../../support/mqtt-raw-client.ts'

/** A socket that keeps what was written to it, or takes nothing at all. */
function sink(takes: boolean): { socket: Writable; packets: Packet[] } {
  const packets: Packet[] = []
  const reader = parser()
  reader.on('packet', (packet) => packets.push(packet))
  const socket = new Writable({
    write(chunk: Buffer, _encoding, done) {
      reader.parse(chunk)
      if (takes) done()
    }
  })
  return { socket, packets }
}

test('acknowledgements stand between the packets of the broker, wherever these are cut', () => {
  const pieces = fc.array(
    fc.oneof(
      fc.record({ ours: fc.integer({ min: 1, max: 65_535 }) }),
      fc.record({ size: fc.nat(300), cuts: fc.array(fc.nat(300), { maxLength: 4 }) })
    ),
    { maxLength: 20 }
  )
  fc.assert(
    fc.property(pieces, fc.boolean(), (steps, oneByOne) => {
      const { socket, packets } = sink(true)
      const outbound = new Outbound(socket)
      const ours: number[] = []
      let theirs = 0
      outbound.relay([connack(0)])
      for (const [i, step] of steps.entries()) {
        if ('ours' in step) {
          outbound.send(encodeReceipts([step.ours]))
          ours.push(step.ours)
          continue
        }
        theirs += 1
        const bytes = publish('topic', Buffer.alloc(step.size, i), { qos: 0 })
        const cuts = [0, ...step.cuts.filter((cut) => cut < bytes.length), bytes.length]
        cuts.sort((a, b) => a - b)
        const chunks = cuts.slice(1).map((end, n) => bytes.subarray(cuts[n], end))
        for (const chunk of oneByOne ? chunks.map((one) => [one]) : [chunks]) {
          outbound.relay(chunk)
          outbound.send(encodeReceipts([i + 1]))
          ours.push(i + 1)
        }
      }
      const ids = packets.filter(({ cmd }) => cmd === 'puback').map(({ messageId }) => messageId)
      assert.deepEqual(ids, ours)
      assert.equal(packets.filter(({ cmd }) => cmd === 'publish').length, theirs)
    })
  )
})

test('bytes that the client has not taken are counted, those that wait for the broker too', () => {
  const { socket } = sink(false)
  const outbound = new Outbound(socket)
  outbound.send(encodeReceipts([1]))
  assert.equal(outbound.bytes, 4)
  outbound.relay([Buffer.from([0x30, 10])])
  outbound.send(encodeReceipts([2, 3]))
  assert.equal(outbound.bytes, 14)
})
