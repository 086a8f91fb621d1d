import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { generate } from 'mqtt-packet'

// QoS 1 messages of 200 bytes from many connections, each with a window of 20 in flight.
const port = Number(process.argv[2])
const connections = Number(process.argv[3])
const seconds = Number(process.argv[4])
const window = 20

async function run(index: number): Promise<number> {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  socket.setNoDelay(true)
  const clientId = `load-${index}`
  socket.write(
    generate({ cmd: 'connect', clientId, protocolId: 'MQTT', protocolVersion: 4, clean: true })
  )
  await bytes(socket, 4)
  const burst = Buffer.concat(
    Array.from({ length: window }, (_, i) =>
      generate({
        cmd: 'publish',
        topic: `streams/telemetry/${clientId}`,
        payload: Buffer.alloc(200, 'telemetry '),
        qos: 1,
        messageId: i + 1,
        dup: false,
        retain: false
      })
    )
  )
  const end = performance.now() + seconds * 1000
  let acked = 0
  while (performance.now() < end) {
    socket.write(burst)
    await bytes(socket, 4 * window)
    acked += window
  }
  socket.destroy()
  return acked
}

/** Resolves when so many bytes have come; a PUBACK and a CONNACK have four each. */
function bytes(socket: Socket, count: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let left = count
    const take = (part: Buffer) => {
      left -= part.length
      if (left > 0) return
      socket.off('data', take)
      socket.off('close', fail)
      resolve()
    }
    const fail = () => reject(new Error('the broker closed the connection'))
    socket.on('data', take)
    socket.on('close', fail)
  })
}

const begin = performance.now()
const acked = await Promise.all(Array.from({ length: connections }, (_, i) => run(i)))
const took = (performance.now() - begin) / 1000
const messages = acked.reduce((sum, count) => sum + count, 0)
process.stdout.write(`${JSON.stringify({ perSecond: messages / took })}\n`)
