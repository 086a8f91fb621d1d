import type { AgentStatus, Sample } from '../control/agent-status.ts'

/** The metrics of one moment, and what they have risen by since the moment before. */
export class Samples {
  readonly #now: readonly Sample[]
  readonly #before: ReadonlyMap<string, number>
  readonly #elapsedMs: number

  /** `before` is a status of the same agent, `elapsedMs` older. */
  constructor(now: AgentStatus, before?: AgentStatus, elapsedMs = 0) {
    this.#now = now.metrics
    const same = before?.pid === now.pid ? before.metrics : []
    this.#before = new Map(same.map((sample) => [identity(sample), sample.value]))
    this.#elapsedMs = elapsedMs
  }

  /** The sum of all that have this name and these labels; undefined when there is none. */
  value(name: string, labels: Readonly<Record<string, string>> = {}): number | undefined {
    return sumOf(this.all(name, labels).map((sample) => sample.value))
  }

  /** What a counter rises by in a second; undefined when there is nothing to compare with. */
  rate(name: string, labels: Readonly<Record<string, string>> = {}): number | undefined {
    if (this.#before.size === 0 || this.#elapsedMs <= 0) return undefined
    const risen = this.all(name, labels).map(
      (sample) => sample.value - (this.#before.get(identity(sample)) ?? 0)
    )
    const total = sumOf(risen)
    return total === undefined ? undefined : (total * 1000) / this.#elapsedMs
  }

  all(name: string, labels: Readonly<Record<string, string>> = {}): readonly Sample[] {
    const wanted = Object.entries(labels)
    return this.#now.filter(
      (sample) =>
        sample.name === `headwater_agent_${name}` &&
        wanted.every(([label, value]) => sample.labels[label] === value)
    )
  }
}

/** Of those that are known; undefined when none is. */
export function sumOf(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined)
  return known.length === 0 ? undefined : known.reduce((total, value) => total + value, 0)
}

function identity({ name, labels }: Sample): string {
  return `${name}${JSON.stringify(labels)}`
}
