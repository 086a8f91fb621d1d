import { createServer } from 'node:http'

// An HTTP sink that counts the newlines it is sent.
let lines = 0
const server = createServer((request, response) => {
  if (request.method === 'GET') {
    response.end(String(lines))
    return
  }
  request.on('data', (part: Buffer) => {
    for (let at = part.indexOf(10); at !== -1; at = part.indexOf(10, at + 1)) lines += 1
  })
  request.on('end', () => response.end())
})
server.listen(Number(process.argv[2]), '127.0.0.1')
process.on('SIGTERM', () => process.exit(0))
