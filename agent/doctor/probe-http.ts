import { Agent, type IncomingMessage, request } from 'node:http'
import type { Socket } from 'node:net'
import { fail, type Finding, ok, reasonOf, warn } from './finding.ts'

export interface ProbeQuestion {
  readonly url: URL
  /** Connected, and secured where the URL says so. */
  readonly socket: Socket
  readonly device: string
  readonly token: string | undefined
  readonly nowMs: number
}

const answerMs = 5000

/** `Date` has whole seconds, and the answer takes its time. */
const skewMs = 60_000

/** Larger answers are from something else. Bytes. */
const maxAnswerBytes = 64 * 1024

/**
 * Posts a batch that is none, and may: the gateway looks at the token first, refuses the rest, and
 * keeps nothing of it.
 */
export async function probeHttp(question: ProbeQuestion): Promise<Finding[]> {
  let answer: Answer
  try {
    answer = await ask(question)
  } catch (error) {
    return [
      fail(
        `no HTTP answer (${reasonOf(error)})`,
        'see that "to" names the HTTP port of the gateway'
      )
    ]
  }
  return [tokenFinding(answer, question), ...dateFinding(answer.date, question.nowMs)]
}

interface Answer {
  readonly status: number
  readonly date: string | undefined
  /** Of the body, where it is one of ours. */
  readonly code: string | undefined
}

function ask({ url, socket, token }: ProbeQuestion): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const agent = new Agent()
    agent.createConnection = () => socket
    const asked = request(
      {
        agent,
        host: url.hostname,
        port: url.port,
        method: 'POST',
        path: `${url.pathname.replace(/\/+$/, '')}/v1/batches`,
        headers: {
          host: url.host,
          'content-type': 'text/plain',
          'content-length': 0,
          connection: 'close',
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` })
        }
      },
      (response) => void answerOf(response).then(resolve, reject)
    )
    asked.setTimeout(answerMs, () => asked.destroy(new Error('no answer')))
    asked.on('error', reject)
    asked.end()
  })
}

async function answerOf(response: IncomingMessage): Promise<Answer> {
  let body = ''
  for await (const part of response) {
    body += String(part)
    if (body.length > maxAnswerBytes) break
  }
  const { statusCode: status = 0, headers } = response
  return { status, date: headers.date, code: codeIn(body) }
}

function codeIn(body: string): string | undefined {
  try {
    const { code }: { code?: unknown } = JSON.parse(body)
    return typeof code === 'string' ? code : undefined
  } catch {
    return undefined
  }
}

function tokenFinding({ status, code }: Answer, { device, token }: ProbeQuestion): Finding {
  const who = token === undefined ? 'no token is needed' : 'the token is accepted'
  if (status === 400 && code === 'invalid') return ok(`a gateway answers, ${who}`)
  if (status === 401) {
    const what = token === undefined ? 'the gateway wants a token' : 'the gateway refuses the token'
    return fail(what, `give that of headwater-gateway devices add ${device} with --token-file`)
  }
  if (status === 403) return fail('the gateway refuses this device (403)', 'see its rights there')
  if (code !== undefined && (status === 429 || status >= 500)) {
    return warn(`the gateway cannot take records now (${status} ${code})`, 'see its log')
  }
  return fail(
    `something else answers (HTTP ${status})`,
    'a captive portal or a proxy is in the way, or "to" is not the address of a gateway'
  )
}

function dateFinding(date: string | undefined, nowMs: number): Finding[] {
  const skew = nowMs - Date.parse(date ?? '')
  if (Number.isNaN(skew)) return []
  const seconds = Math.round(Math.abs(skew) / 1000)
  if (Math.abs(skew) <= skewMs) return [ok('its clock and ours agree')]
  const what = `our clock is ${seconds} s ${skew > 0 ? 'ahead of' : 'behind'} its clock`
  return [warn(what, 'see clock above, and the clock of the gateway')]
}
