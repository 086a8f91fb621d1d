import { lookup } from 'node:dns/promises'
import { once } from 'node:events'
import { connect, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { Clock } from '../../shared/clock.ts'
import { asHeadwaterError } from '../../shared/errors.ts'
import type { AgentConfig } from '../config.ts'
import { certificateFindings } from './certificate.ts'
import { fail, type Finding, ok, reasonOf } from './finding.ts'
import type { Machine } from './machine.ts'
import { probeHttp } from './probe-http.ts'
import { probeMqtt } from './probe-mqtt.ts'
import { within } from './within.ts'

export interface GatewayQuestion {
  readonly url: URL
  readonly config: AgentConfig
  readonly machine: Machine
}

/** Each step on the way to a gateway may take so long. Milliseconds. */
const stepMs = 4000

const usualPorts: Readonly<Record<string, number>> = {
  'http:': 80,
  'https:': 443,
  'mqtt:': 1883,
  'mqtts:': 8883
}

/** The way to one gateway, step by step; the first that fails is the last. */
export async function checkGateway(
  { url, config, machine }: GatewayQuestion,
  signal: AbortSignal
): Promise<readonly Finding[]> {
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const port = Number(url.port) || (usualPorts[url.protocol] ?? 0)
  const name = await resolved(host, machine.clock)
  if (name?.level === 'FAIL') return [name]
  const findings = name ? [name] : []
  const startMs = machine.clock.monoMs()
  let socket: Socket
  try {
    socket = await opened(connect({ host, port, signal, timeout: stepMs }), 'connect')
  } catch (error) {
    return [...findings, connectFinding(`${host}:${port}`, error)]
  }
  const tookMs = Math.round(machine.clock.monoMs() - startMs)
  findings.push(ok(`${host}:${port} answers in ${tookMs} ms`))
  try {
    return [...findings, ...(await spokenTo(socket, { url, config, machine }, host))]
  } finally {
    socket.destroy()
  }
}

async function spokenTo(
  plain: Socket,
  { url, config, machine }: GatewayQuestion,
  host: string
): Promise<Finding[]> {
  const findings: Finding[] = []
  let socket = plain
  if (url.protocol === 'https:' || url.protocol === 'mqtts:') {
    const { ca, cert, key, insecure } = config.tls
    const secure = connectTls({
      socket: plain,
      // An address is no server name (RFC 6066 section 3), but is compared with the certificate.
      ...(isIP(host) === 0 ? { servername: host } : { host }),
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
      rejectUnauthorized: false
    })
    try {
      await opened(secure, 'secureConnect')
    } catch (error) {
      return [fail(`no TLS with ${host}: ${reasonOf(error)}`, 'see that the port speaks TLS')]
    }
    findings.push(...certificateFindings(secure, { host, insecure, nowMs: machine.clock.wallMs() }))
    // The token is for nobody who cannot show who he is.
    if (findings.some(({ level }) => level === 'FAIL')) return findings
    socket = secure
  }
  let token: string | undefined
  try {
    token = await config.token?.read()
  } catch (error) {
    return [
      ...findings,
      fail(asHeadwaterError(error).message, 'put the token of this device there')
    ]
  }
  const probe = url.protocol.startsWith('mqtt') ? probeMqtt : probeHttp
  const question = { url, socket, device: config.device, token, nowMs: machine.clock.wallMs() }
  return [...findings, ...(await probe(question))]
}

async function resolved(host: string, clock: Clock): Promise<Finding | undefined> {
  if (isIP(host) !== 0) return undefined
  try {
    const addresses = await within(lookup(host, { all: true }), stepMs, clock)
    return ok(
      `${host} is ${addresses
        .map(({ address }) => address)
        .slice(0, 3)
        .join(', ')}`
    )
  } catch (error) {
    const what = `the name ${host} cannot be resolved (${reasonOf(error)})`
    return fail(what, 'see /etc/resolv.conf, the network, and the spelling in "to"')
  }
}

/** Resolves at `event`; rejects at an error and when `stepMs` pass without a sign. */
async function opened<T extends Socket>(socket: T, event: string): Promise<T> {
  const onTimeout = () => socket.destroy(new Error('no answer'))
  socket.setTimeout(stepMs, onTimeout)
  await once(socket, event)
  socket.off('timeout', onTimeout).setTimeout(0)
  // What ends it later is seen by whoever reads.
  socket.on('error', () => undefined)
  return socket
}

function connectFinding(place: string, error: unknown): Finding {
  const reason = reasonOf(error)
  if (reason === 'ECONNREFUSED') {
    return fail(`${place} refuses connections`, 'see that the gateway runs there, and its port')
  }
  if (reason === 'ENETUNREACH' || reason === 'EHOSTUNREACH') {
    return fail(`there is no way to ${place} (${reason})`, 'see the network: ip route')
  }
  const todo = reason === 'no answer' ? 'a firewall may be in the way' : 'see the network'
  return fail(`${place} cannot be reached (${reason})`, todo)
}
