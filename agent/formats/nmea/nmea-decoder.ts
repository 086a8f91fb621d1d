import type { Fix } from './fix.ts'
import { parseSentence, type SentenceProblem, type SentenceRules } from './sentence.ts'
import { type Facts, factsOf } from './sentence-facts.ts'

export interface NmeaDecoderOptions extends SentenceRules {
  /** Called for every line that could not be taken. */
  readonly problem: (reason: SentenceProblem | 'bad_sentence') => void
  /** Time of the last fix before the first line, from which a missing date is told. */
  readonly lastTime?: number | undefined
}

/** What an epoch came to: a fix, or the receiver's word that it has none. */
export type EpochResult = Fix | 'no_fix'

const dayMs = 86_400_000

/** Sentences of which an epoch has one from each talker. */
const once = new Set(['RMC', 'GGA', 'GNS', 'GLL', 'VTG', 'ZDA'])

/**
 * Makes one fix of all sentences of one epoch. An epoch ends with a sentence that has another time of
 * day, with one that the epoch has had, or when the caller says that nothing more comes.
 */
export class NmeaDecoder {
  readonly #options: NmeaDecoderOptions
  #facts: Facts | undefined
  readonly #had = new Set<string>()
  #lastTime: number | undefined

  constructor(options: NmeaDecoderOptions) {
    this.#options = options
    this.#lastTime = options.lastTime
  }

  /** No sentence waits for others of its epoch. */
  get empty(): boolean {
    return this.#facts === undefined
  }

  /** Takes a line without its newline; returns the epoch before it if the line ends that. */
  line(line: string): EpochResult | undefined {
    const sentence = parseSentence(line, this.#options)
    if (typeof sentence === 'string') {
      this.#options.problem(sentence)
      return undefined
    }
    const facts = factsOf(sentence)
    if (facts === undefined) return undefined
    if (facts === 'malformed') {
      this.#options.problem('bad_sentence')
      return undefined
    }
    const key = sentence.talker + sentence.type
    const result = this.#isNext(facts, key) ? this.flush() : undefined
    if (once.has(sentence.type)) this.#had.add(key)
    this.#facts = this.#facts ? merge(this.#facts, facts) : facts
    return result
  }

  /** Ends the epoch: nothing more of it comes. */
  flush(): EpochResult | undefined {
    const facts = this.#facts
    this.#facts = undefined
    this.#had.clear()
    if (!facts) return undefined
    if (facts.noFix || facts.mode === 1) return 'no_fix'
    const { lat, lon, tod: _tod, date: _date, ...rest } = facts
    if (lat === undefined || lon === undefined) return undefined
    const time = this.#timeOf(facts)
    this.#lastTime = time ?? this.#lastTime
    const known = Object.entries(rest).filter(([, value]) => value !== undefined)
    return { ...(time === undefined ? {} : { time }), lat, lon, ...Object.fromEntries(known) }
  }

  #isNext({ tod }: Facts, key: string): boolean {
    if (this.#had.has(key)) return true
    const current = this.#facts?.tod
    return tod !== undefined && current !== undefined && tod !== current
  }

  /** Without a date, the moment of that time of day that is nearest to the last fix. */
  #timeOf({ tod, date }: Facts): number | undefined {
    if (tod === undefined) return undefined
    if (date !== undefined) return date + tod
    if (this.#lastTime === undefined) return undefined
    return tod + Math.round((this.#lastTime - tod) / dayMs) * dayMs
  }
}

/** What is said later holds, but one system with a position is enough for the mode. */
function merge(before: Facts, after: Facts): Facts {
  const said = Object.entries(after).filter(([, value]) => value !== undefined)
  const mode = Math.max(before.mode ?? 0, after.mode ?? 0)
  return { ...before, ...Object.fromEntries(said), ...(mode === 0 ? {} : { mode }) }
}
