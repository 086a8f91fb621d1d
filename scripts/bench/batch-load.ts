import { Client } from 'undici'
import { decodeAckCbor } from '../../shared/wire/ack.ts'
import { encodeBatch, frameCrc } from '../../shared/wire/batch.ts'
import { encodeFrame } from '../../shared/wire/frame.ts'

// Sends batches of 1,300 records of 200 bytes as so many devices, each waiting for its acks.
const url = process.argv[2] ?? ''
const devices = Number(process.argv[3])
const seconds = Number(process.argv[4])
const recordsPerBatch = Number(process.argv[5] ?? 1300)
const pauseMs = Number(process.argv[6] ?? 0)

const body = frame('device')
const latencies: number[] = []

function frame(key: string): Buffer {
  return encodeFrame({
    keys: [key],
    times: new Float64Array(recordsPerBatch).fill(Date.now()),
    lens: new Uint32Array(recordsPerBatch).fill(200),
    data: Buffer.alloc(recordsPerBatch * 200, 'telemetry ')
  })
}

async function run(index: number): Promise<number> {
  const device = `load-${index}`
  const own = index === 0 ? body : frame(device)
  const crc = frameCrc(own)
  const epoch = Buffer.from(`${device}-${process.pid}`.padEnd(16).slice(0, 16)).toString('hex')
  const client = new Client(url)
  const end = performance.now() + seconds * 1000
  let first = 1
  while (performance.now() < end) {
    const header = { device, epoch, stream: 'telemetry', first, count: recordsPerBatch } as const
    const rest = { prev: first - 1, floor: first, lane: 0, clock: 'ntp', offset: 0 } as const
    const begin = performance.now()
    const { body: answer } = await client.request({
      path: '/v1/batches',
      method: 'POST',
      headers: { 'content-type': 'application/cbor' },
      body: encodeBatch({ header: { ...header, ...rest }, enc: 'id', body: own, crc })
    })
    const ack = decodeAckCbor(Buffer.from(await answer.arrayBuffer()))
    latencies.push(performance.now() - begin)
    if (ack.code === 'ok') first += recordsPerBatch
    else await new Promise((resolve) => setTimeout(resolve, ack.retryAfterMs ?? 50))
    if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs))
  }
  await client.close()
  return first - 1
}

const begin = performance.now()
const sent = await Promise.all(Array.from({ length: devices }, (_, i) => run(i)))
const took = (performance.now() - begin) / 1000
latencies.sort((a, b) => a - b)
const records = sent.reduce((sum, count) => sum + count, 0)
const p99Ms = latencies[Math.floor(latencies.length * 0.99)] ?? 0
process.stdout.write(`${JSON.stringify({ records, seconds: took, p99Ms })}\n`)
