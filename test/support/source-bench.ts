import type { Readable } from 'node:stream'
import type { TestContext } from 'node:test'
import { pino } from 'pino'
import type { Source, SourceContext, SourceType } from '../../agent/sources/source.ts'
import { ManualClock, settle } from './manual-clock.ts'
import { MemoryAppender } from './memory-appender.ts'
import { SeededRandom } from './seeded-random.ts'

interface BenchOptions {
  readonly once?: boolean
  readonly stdin?: Readable
  readonly environment?: Readonly<Record<string, string>>
}

interface Run {
  readonly abort: AbortController
  readonly done: Promise<unknown>
  readonly over: boolean
}

/** Runs sources of one type, one after the other, over one appender and one clock. */
export class SourceBench<Options> {
  readonly clock = new ManualClock()
  readonly appender = new MemoryAppender()
  readonly #type: SourceType<Options>
  readonly #bench: BenchOptions
  #run: Run | undefined
  #source: Source | undefined

  constructor(t: TestContext, type: SourceType<Options>, bench: BenchOptions = {}) {
    this.#type = type
    this.#bench = bench
    t.after(() => this.stop())
  }

  context(changes: Partial<SourceContext> = {}): SourceContext {
    const { once = false, stdin, environment } = this.#bench
    return {
      name: 'in',
      stream: 'telemetry',
      partitionKey: 'device-1',
      once,
      clock: this.clock,
      random: new SeededRandom(1),
      log: pino({ level: 'silent' }),
      ...(stdin ? { stdin: () => stdin } : {}),
      ...(environment ? { environment } : {}),
      ...changes
    }
  }

  /** A source with the options as a person writes them. */
  create(written: object, changes: Partial<SourceContext> = {}): Source {
    const options = this.#type.options.parse(written) as Options
    this.#type.check?.(options)
    return this.#type.create(options, this.context(changes))
  }

  /** Starts a source; the promise of its run is `done`, and is also kept for `stop`. */
  start(written: object, changes: Partial<SourceContext> = {}): Source {
    const source = this.create(written, changes)
    this.resume(source)
    return source
  }

  /** The source that was started last. */
  get source(): Source | undefined {
    return this.#source
  }

  resume(source: Source): void {
    this.#source = source
    const abort = new AbortController()
    const run = { abort, over: false, done: Promise.resolve<unknown>(undefined) }
    run.done = source
      .run(this.appender, abort.signal)
      .then(
        () => undefined,
        (error: unknown) => error
      )
      .finally(() => {
        run.over = true
      })
    this.#run = run
  }

  /** Resolves with the error of the run, or undefined when it resolved. */
  async done(): Promise<unknown> {
    return this.#run?.done
  }

  /** Whether a source was started and its run has not settled. */
  get running(): boolean {
    return this.#run !== undefined && !this.#run.over
  }

  /** Stops the source; what waits for a commit gets one, unless `commit` is false. */
  async stop(commit = true): Promise<void> {
    this.#run?.abort.abort()
    while (this.running) {
      if (commit) this.appender.commit()
      await this.clock.advance(50)
      await this.#rest()
    }
    this.#run = undefined
  }

  /** The process dies here: what was not committed is gone. */
  async crash(): Promise<void> {
    this.#run?.abort.abort()
    this.appender.crash()
    while (this.running) {
      await settle(1)
      this.appender.crash()
    }
    this.#run = undefined
  }

  /** Moves time on in small steps, each when the source has come to rest, until `condition` holds. */
  async until(condition: () => boolean, stepMs = 50): Promise<void> {
    const deadline = Date.now() + 30_000
    while (!condition()) {
      if (Date.now() > deadline) throw new Error(`not within 30 s: ${String(condition)}`)
      await this.clock.advance(stepMs)
      await this.#rest(condition)
    }
  }

  /** Moves time on by `ms` in steps, each when the source has come to rest. */
  async pass(ms: number, stepMs = 100): Promise<void> {
    await this.#rest()
    for (let passed = 0; passed < ms; passed += stepMs) {
      await this.clock.advance(stepMs)
      await this.#rest()
    }
  }

  /** The source sleeps, or waits for others, which looks like work: hence the bound. */
  async #rest(enough: () => boolean = () => false): Promise<void> {
    const resting = () => !this.running || this.clock.sleeping > 0 || enough()
    const busyUntil = Date.now() + 60
    for (let turn = 0; !resting() && (turn < 3000 || Date.now() < busyUntil); turn++)
      await settle(1)
  }
}
