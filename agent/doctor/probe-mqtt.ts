import { once } from 'node:events'
import { generate, parser } from 'mqtt-packet'
import { fail, type Finding, ok, warn } from './finding.ts'
import type { ProbeQuestion } from './probe-http.ts'

const answerMs = 5000

/** CONNACK codes of MQTT 3.1.1 section 3.2.2.3: bad user name or password, not authorized. */
const refusals = [4, 5]

/** Connects and leaves, under a name of its own: that of the device would end its connection. */
export async function probeMqtt({ socket, device, token }: ProbeQuestion): Promise<Finding[]> {
  const connect = generate({
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: 4,
    clean: true,
    keepalive: 30,
    clientId: `${device}-doctor`,
    username: device,
    ...(token === undefined ? {} : { password: Buffer.from(token) })
  })
  socket.setTimeout(answerMs, () => socket.destroy(new Error('no answer')))
  socket.write(connect)
  const code = await answered(socket)
  if (code === undefined) {
    return [fail('no MQTT answer', 'see that "to" names the MQTT port of the gateway')]
  }
  socket.end(generate({ cmd: 'disconnect' }))
  if (refusals.includes(code)) {
    const todo = `give that of headwater-gateway devices add ${device} with --token-file`
    return [fail('the gateway refuses device and token', todo)]
  }
  if (code !== 0) return [warn(`the gateway takes no connection now (code ${code})`, 'see its log')]
  const who = token === undefined ? 'no token is needed' : 'the token is accepted'
  return [ok(`a gateway answers, ${who}`)]
}

/** The return code of its CONNACK; undefined when something else comes, or nothing. */
async function answered(socket: ProbeQuestion['socket']): Promise<number | undefined> {
  try {
    const [bytes]: Buffer[] = await Promise.race([once(socket, 'data'), once(socket, 'close')])
    let code: number | undefined
    const packets = parser({ protocolVersion: 4 })
    packets.on('packet', (packet) => {
      if (packet.cmd === 'connack') code = packet.returnCode
    })
    packets.on('error', () => undefined)
    if (Buffer.isBuffer(bytes)) packets.parse(bytes)
    return code
  } catch {
    return undefined
  }
}
