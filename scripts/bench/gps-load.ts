import { Client } from 'undici'

// Posts GPS fixes of so many vehicles over a few connections, for so many seconds.
const url = process.argv[2] ?? ''
const vehicles = Number(process.argv[3])
const seconds = Number(process.argv[4])

const senders = 8
let records = 0
let bytes = 0

function fix(vehicle: number, second: number): string {
  const lat = (48 + vehicle / 100 + second / 1e4).toFixed(6)
  const lon = (11 + vehicle / 100 - second / 1e4).toFixed(6)
  const time = new Date(1_700_000_000_000 + second * 1000).toISOString()
  return JSON.stringify({ time, lat, lon, alt: 520, speed: 13.9, heading: 87, sats: 9, hdop: 0.9 })
}

async function send(sender: number): Promise<void> {
  const client = new Client(url)
  const end = performance.now() + seconds * 1000
  for (let second = 0; performance.now() < end; second++) {
    const lines: string[] = []
    for (let vehicle = sender; vehicle < vehicles; vehicle += senders) {
      const text = fix(vehicle, second)
      records += 1
      bytes += Buffer.byteLength(text)
      lines.push(JSON.stringify({ text, partitionKey: `truck-${vehicle}` }))
    }
    const { statusCode, body } = await client.request({
      path: '/v1/streams/fleet/records',
      method: 'POST',
      headers: { 'content-type': 'application/x-ndjson' },
      body: lines.join('\n')
    })
    const answer = await body.text()
    if (statusCode !== 200) throw new Error(answer)
  }
  await client.close()
}

await Promise.all(Array.from({ length: senders }, (_, i) => send(i)))
process.stdout.write(`${JSON.stringify({ records, bytes })}\n`)
