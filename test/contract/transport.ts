import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { createTransport } from '../../agent/sender/transports/index.ts'
import type {
  Transport,
  TransportOptions,
  WireFormat
} from '../../agent/sender/transports/transport.ts'
import { systemClock } from '../../shared/clock.ts'
import { HeadwaterError } from '../../shared/errors.ts'
import { frameCrc } from '../../shared/wire/batch.ts'
import type { FakeGateway } from '../support/fake-gateway-script.ts'
import { frameOf } from '../support/stored-frames.ts'

const never = new AbortController().signal

/** Long enough for a loaded machine where no timeout is meant to happen. */
const patientMs = 20_000

/** What every transport does, whatever stands behind it. */
export function transportContract(
  scheme: string,
  format: WireFormat,
  openGateway: () => Promise<FakeGateway>
): void {
  const setup = async (t: TestContext, options: Partial<TransportOptions> = {}) => {
    const gateway = await openGateway()
    t.after(() => gateway.close())
    const transport = open(t, { url: gateway.url, format, ...options })
    return { gateway, transport }
  }
  const title = (text: string): string => `${scheme} ${format}: ${text}`

  test(title('a batch arrives with its header, its records and the token'), async (t) => {
    const { gateway, transport } = await setup(t)
    const frame = frameOf(['a', '', 'ü\u0000\n'], {
      stream: 'gps.fixes',
      first: 41,
      prev: 38,
      floor: 12,
      lane: 1,
      clock: 'gps',
      offset: -1500
    })
    const ack = await transport.send(frame, never)
    assert.equal(ack.code, 'ok')
    const [batch] = gateway.received
    assert.deepEqual(batch?.header, frame.header)
    assert.deepEqual(batch?.texts, ['a', '', 'ü\u0000\n'])
    assert.equal(batch?.token, 'secret-1')
  })

  test(title('batches arrive in the order of the calls, whatever their size'), async (t) => {
    const { gateway, transport } = await setup(t, { gzip: true })
    const firsts = Array.from({ length: 12 }, (_, i) => i * 100 + 1)
    const acks = firsts.map((first, i) =>
      transport.send(frameOf(['x'.repeat(i % 3 === 0 ? 300_000 : 3)], { first }), never)
    )
    await Promise.all(acks)
    assert.deepEqual(
      gateway.received.map((batch) => batch.header.first),
      firsts
    )
    assert.equal(gateway.connections, 1)
  })

  test(title('several batches are on their way before the first is answered'), async (t) => {
    const { gateway, transport } = await setup(t)
    gateway.script.push('hang', 'hang', 'hang')
    const sends = [1, 2, 3].map((first) => transport.send(frameOf(['a'], { first }), never))
    const ends = Promise.allSettled(sends)
    await gateway.arrived(3)
    await transport.reset()
    assert.deepEqual(
      (await ends).map(({ status }) => status),
      ['rejected', 'rejected', 'rejected']
    )
  })

  test(title('a stored gzip body and a body packed on the way say the same'), async (t) => {
    const { gateway, transport } = await setup(t, { gzip: true })
    const texts = Array.from({ length: 200 }, (_, i) => `line ${i}`)
    const frame = frameOf(texts)
    const body = gzipSync(frame.body)
    await transport.send(frame, never)
    await transport.send({ ...frame, enc: 'gzip', body, crc: frameCrc(body) }, never)
    assert.deepEqual(
      gateway.received.map((batch) => batch.texts),
      [texts, texts]
    )
  })

  test(title('a refusal is an answer with all that it carries'), async (t) => {
    const { gateway, transport } = await setup(t)
    gateway.script.push({
      code: 'throttled',
      message: 'slow down',
      retryAfterMs: 1234,
      pace: { bytesPerSecond: 99 },
      limits: { maxBatchBytes: 5000, maxRecordBytes: 600 },
      rejected: [{ seq: 1, code: 'invalid', message: 'bad key' }]
    })
    const ack = await transport.send(frameOf(['a']), never)
    assert.equal(ack.code, 'throttled')
    assert.equal(ack.retryAfterMs, 1234)
    assert.deepEqual(ack.pace, { bytesPerSecond: 99 })
    assert.deepEqual(ack.limits, { maxBatchBytes: 5000, maxRecordBytes: 600 })
    assert.deepEqual(ack.rejected, [{ seq: 1, code: 'invalid', message: 'bad key' }])
  })

  for (const reply of ['page', 'other batch', 'hang'] as const) {
    test(title(`"${reply}" is no verdict, and the next batch goes through`), async (t) => {
      const { gateway, transport } = await setup(t, { timeoutMs: 1000 })
      gateway.script.push(reply)
      await assert.rejects(transport.send(frameOf(['a']), never), {
        code: /^(transport|no_ack)$/
      })
      await transport.send(frameOf(['a']), never)
      assert.equal(gateway.received.length, 2)
    })
  }

  test(
    title('a cut rejects all that is pending, and nothing is sent again by itself'),
    async (t) => {
      const { gateway, transport } = await setup(t)
      await transport.send(frameOf(['a'], { first: 1 }), never)
      gateway.script.push('cut')
      const sends = [2, 3, 4].map((first) => transport.send(frameOf(['a'], { first }), never))
      const order: number[] = []
      const ends = sends.map((send, i) =>
        assert.rejects(send, failsWith('transport')).then(() => order.push(i))
      )
      await Promise.all(ends)
      assert.deepEqual(order, [0, 1, 2])
      await transport.send(frameOf(['a'], { first: 9 }), never)
      const firsts = gateway.received.map((batch) => batch.header.first)
      assert.deepEqual(firsts.slice(0, 2), [1, 2])
      assert.equal(firsts.at(-1), 9)
      assert.ok(new Set(firsts).size === firsts.length, `sent twice: ${firsts.join()}`)
      assert.equal(gateway.connections, 2)
    }
  )

  test(title('a gateway that does not know us is unauthorized, without the token'), async (t) => {
    const { gateway, transport } = await setup(t)
    gateway.refusing = true
    const refused = await transport.send(frameOf(['a']), never).catch((error: unknown) => error)
    assert.ok(refused instanceof HeadwaterError)
    assert.equal(refused.code, 'unauthorized')
    assert.doesNotMatch(`${refused.stack} ${String(refused.cause)}`, /secret/)
  })

  test(title('a token that was rotated is taken after a refusal'), async (t) => {
    const tokens = ['old', 'new']
    const token = async () => tokens.shift()
    const { gateway, transport } = await setup(t, { token })
    gateway.refusing = true
    await assert.rejects(transport.send(frameOf(['a']), never), failsWith('unauthorized'))
    gateway.refusing = false
    await transport.send(frameOf(['a']), never)
    assert.equal(gateway.received[0]?.token, 'new')
  })

  test(title('a token that cannot be read is unauthorized, and its error the cause'), async (t) => {
    const cause = new Error('no such file')
    const { transport } = await setup(t, { token: () => Promise.reject(cause) })
    const refused = await transport.send(frameOf(['a']), never).catch((error: unknown) => error)
    assert.ok(refused instanceof HeadwaterError)
    assert.equal(refused.code, 'unauthorized')
    assert.equal(refused.cause, cause)
  })

  test(title('without a token none is sent'), async (t) => {
    const { gateway, transport } = await setup(t, { token: undefined })
    await transport.send(frameOf(['a']), never)
    assert.equal(gateway.received[0]?.token, undefined)
  })

  test(title('where nobody listens a send fails and no byte moves'), async (t) => {
    const gateway = await openGateway()
    const { url } = gateway
    await gateway.close()
    const transport = open(t, { url, format })
    await assert.rejects(transport.send(frameOf(['a']), never), failsWith('transport'))
    assert.equal(transport.bytesMoved(), 0)
  })

  test(
    title('bytes moved rise with what is sent, connections with each that is made'),
    async (t) => {
      const { transport } = await setup(t)
      assert.equal(transport.bytesMoved(), 0)
      await transport.send(frameOf(['x'.repeat(5000)]), never)
      const before = transport.bytesMoved()
      assert.ok(before > 5000)
      assert.equal(transport.connections(), 1)
      await transport.reset()
      await transport.send(frameOf(['x'.repeat(5000)], { first: 2 }), never)
      assert.ok(transport.bytesMoved() > before + 5000)
      assert.equal(transport.connections(), 2)
    }
  )

  test(title('a reset rejects what has not left yet, and a later send goes through'), async (t) => {
    let open = (): void => undefined
    const gate = new Promise<void>((resolve) => {
      open = resolve
    })
    const { gateway, transport } = await setup(t, { token: () => gate.then(() => 'late') })
    const ends = [1, 2].map((first) =>
      assert.rejects(transport.send(frameOf(['a'], { first }), never), failsWith('transport'))
    )
    await transport.reset()
    open()
    await Promise.all(ends)
    await transport.send(frameOf(['a'], { first: 3 }), never)
    assert.deepEqual(
      gateway.received.map((batch) => batch.header.first),
      [3]
    )
  })

  test(title('an aborted send rejects; close is safe at any time and twice'), async (t) => {
    const { gateway, transport } = await setup(t)
    await open(t, { url: gateway.url, format }).close()
    gateway.script.push('hang')
    const abort = new AbortController()
    const send = transport.send(frameOf(['a']), abort.signal)
    const end = assert.rejects(send, failsWith('transport'))
    await gateway.arrived(1)
    abort.abort()
    await end
    await transport.close()
    await transport.close()
  })

  test(title('the name says where it goes and no secret'), async (t) => {
    const url = new URL(`${scheme}://user:secret@127.0.0.1:9/`)
    assert.equal(open(t, { url, format }).name, `${scheme}://127.0.0.1:9`)
  })
}

/** A transport as the agent makes it, closed with the test. */
export function open(
  t: TestContext,
  options: Partial<TransportOptions> & Pick<TransportOptions, 'url' | 'format'>
): Transport {
  const transport = createTransport(
    {
      device: 'device-1',
      token: async () => 'secret-1',
      gzip: false,
      tls: {},
      timeoutMs: patientMs,
      ...options
    },
    systemClock
  )
  t.after(() => transport.close())
  return transport
}

export function failsWith(code: string): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof HeadwaterError, String(error))
    assert.equal(error.code, code, String(error))
    return true
  }
}
