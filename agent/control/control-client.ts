import { type ClientRequest, type IncomingMessage, request } from 'node:http'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { HeadwaterError } from '../../shared/errors.ts'
import type { AgentStatus } from './agent-status.ts'
import { controlSocket, fitsSocket } from './control-socket.ts'

/** An agent that is alive answers at once; one whose event loop stands does not. Milliseconds. */
const answerMs = 5000

/** Asks the agent that runs with this data directory. Rejects with `unavailable` when none does. */
export class ControlClient {
  readonly #dataDir: string

  constructor(dataDir: string) {
    this.#dataDir = dataDir
  }

  async status(): Promise<AgentStatus> {
    return JSON.parse(await text(await this.#get('/status')))
  }

  /** Lines of NDJSON as `TapStream` writes them, until `signal` aborts or the agent ends. */
  async *tap(query: URLSearchParams, signal: AbortSignal): AsyncGenerator<string> {
    const answer = await this.#get(`/tap?${query.toString()}`, signal)
    try {
      yield* createInterface({ input: answer })
    } catch {
      // Whatever ended the connection ended the tap.
    } finally {
      answer.destroy()
    }
  }

  async #get(path: string, signal?: AbortSignal): Promise<IncomingMessage> {
    const socketPath = controlSocket(this.#dataDir)
    if (!fitsSocket(socketPath)) throw this.#unreachable(new Error('the path is too long'))
    const asked = request({ socketPath, path, ...(signal ? { signal } : {}) })
    asked.setTimeout(answerMs, () =>
      asked.destroy(new Error(`no answer within ${answerMs / 1000} s`))
    )
    asked.end()
    const answer = await answerTo(asked).catch((cause: unknown) => {
      throw this.#unreachable(cause)
    })
    // From here on silence says that nothing passes.
    asked.setTimeout(0)
    if (answer.statusCode === 200) return answer
    const { message }: { message: string } = JSON.parse(await text(answer))
    throw new HeadwaterError('unavailable', message)
  }

  #unreachable(cause: unknown): HeadwaterError {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
    const why = cause instanceof Error ? cause.message : String(cause)
    const message =
      code === 'EACCES'
        ? `only the user of the agent may ask it (${this.#dataDir}); try with sudo`
        : code === 'ENOENT' || code === 'ECONNREFUSED'
          ? `no agent runs with the data directory ${this.#dataDir}; name that of yours with --data-dir or --config`
          : `the agent with the data directory ${this.#dataDir} does not answer: ${why}`
    return new HeadwaterError('unavailable', message, { cause })
  }
}

function answerTo(asked: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    asked.once('response', resolve)
    // Stays: what ends an answer later is told by the answer.
    asked.on('error', reject)
  })
}
