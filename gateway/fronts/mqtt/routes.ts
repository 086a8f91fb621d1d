import { HeadwaterError } from '../../../shared/errors.ts'
import { isName } from '../../../shared/record.ts'

/** A topic filter and where its messages go, as configured. */
export interface Route {
  /** MQTT topic filter; `+` is one level, `#` at the end is the rest. */
  readonly topic: string
  readonly stream: string
  /**
   * Partition key: text with `{device}` and `{1}`, `{2}`… for what the first, second… wildcard
   * stands for. Default, and where it comes out empty: the device. Default of OwnTracks: `{1}/{2}`.
   */
  readonly key?: string | undefined
  readonly as?: MessageForm | undefined
}

/** What messages are where the record is not simply their payload. */
export type MessageForm = 'owntracks'

/** Where the messages of one topic go. `key` is undefined for the key of the device. */
export interface Destination {
  readonly stream: string
  readonly key: string | undefined
  readonly as?: MessageForm
}

interface CompiledRoute extends Destination {
  readonly levels: readonly string[]
}

const placeholder = /\{(device|[1-9][0-9]?)\}/g

/** The topic of a stream's records, before the stream's name and the key. */
export const streamTopicPrefix = 'streams/'

/** From topics to streams and keys: the first route that matches, else `streams/<stream>/<key>`. */
export class Routes {
  readonly #routes: readonly CompiledRoute[]
  readonly #filters: readonly string[]

  /** Throws `config` for a route that can never work, naming it. */
  constructor(routes: readonly Route[]) {
    this.#routes = routes.map(compile)
    this.#filters = [...routes.map((route) => route.topic), `${streamTopicPrefix}<stream>/<key>`]
  }

  /** The filters in the order in which they are tried, for messages. */
  get filters(): readonly string[] {
    return this.#filters
  }

  find(topic: string, device: string): Destination | undefined {
    if (this.#routes.length > 0) {
      const levels = topic.split('/')
      for (const route of this.#routes) {
        const wildcards = match(route.levels, levels)
        if (!wildcards) continue
        const { stream, key, as } = route
        return { stream, key: fill(key, wildcards, device), ...(as ? { as } : {}) }
      }
    }
    if (!topic.startsWith(streamTopicPrefix)) return undefined
    const end = topic.indexOf('/', streamTopicPrefix.length)
    if (end === -1) return { stream: topic.slice(streamTopicPrefix.length), key: undefined }
    const key = topic.slice(end + 1)
    return { stream: topic.slice(streamTopicPrefix.length, end), key: key || undefined }
  }
}

function compile({ topic, stream, as, key = as && '{1}/{2}' }: Route): CompiledRoute {
  const levels = topic.split('/')
  const fail = (problem: string): never => {
    throw new HeadwaterError('config', `mqtt route "${topic}" ${problem}`)
  }
  if (topic === '') fail('must have a topic')
  levels.forEach((level, i) => {
    if (level.length > 1 && /[+#]/.test(level)) fail('may have + and # only as a whole level')
    if (level === '#' && i < levels.length - 1) fail('may have # only at its end')
  })
  if (!isName(stream)) fail('must have a stream of 1 to 128 characters of a-z A-Z 0-9 _ . -')
  const wildcards = levels.filter((level) => level === '+' || level === '#').length
  for (const [, name] of key?.matchAll(placeholder) ?? []) {
    if (name !== 'device' && Number(name) > wildcards) {
      fail(`has ${wildcards} wildcards, its key asks for {${name}}`)
    }
  }
  return { levels, stream, key, ...(as ? { as } : {}) }
}

/** What the wildcards stand for, or undefined when the topic does not match. */
function match(filter: readonly string[], topic: readonly string[]): string[] | undefined {
  const wildcards: string[] = []
  for (let i = 0; i < filter.length; i++) {
    const level = filter[i] as string
    if (level === '#') {
      wildcards.push(topic.slice(i).join('/'))
      return wildcards
    }
    const actual = topic[i]
    if (actual === undefined) return undefined
    if (level === '+') wildcards.push(actual)
    else if (level !== actual) return undefined
  }
  return topic.length === filter.length ? wildcards : undefined
}

function fill(
  key: string | undefined,
  wildcards: readonly string[],
  device: string
): string | undefined {
  if (key === undefined) return undefined
  const filled = key.replace(placeholder, (_, name: string) =>
    name === 'device' ? device : (wildcards[Number(name) - 1] ?? '')
  )
  return filled || undefined
}
