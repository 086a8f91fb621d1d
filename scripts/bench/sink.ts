import { createServer } from 'node:http'
import { encodeAckCbor } from '../../shared/wire/ack.ts'
import { decodeBatch } from '../../shared/wire/batch.ts'

// A gateway that throws everything away: it answers each batch with ok and counts the records.
let records = 0
const server = createServer((request, response) => {
  if (request.method === 'GET') {
    response.end(String(records))
    return
  }
  const parts: Buffer[] = []
  request.on('data', (part: Buffer) => parts.push(part))
  request.on('end', () => {
    const { header } = decodeBatch(Buffer.concat(parts))
    records += header.count
    const { epoch, stream, first, count } = header
    const through = first + count - 1
    response.setHeader('content-type', 'application/cbor')
    response.end(encodeAckCbor({ epoch, stream, first, count, code: 'ok', through, rejected: [] }))
  })
})
server.listen(Number(process.argv[2]), '127.0.0.1')
process.on('SIGTERM', () => process.exit(0))
