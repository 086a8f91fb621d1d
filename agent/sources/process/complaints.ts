import type { SourceContext } from '../source.ts'
import type { Tally } from '../tally.ts'

/** Lines that are logged in one window; the others are counted. */
const linesPerWindow = 10
const windowMs = 60_000

/** Most of a line that is logged, and of the end that is kept for messages. Characters. */
const lineChars = 500
const excerptChars = 1000

/**
 * What children write to standard error: line by line to the log, at a bounded rate, and its end
 * for messages. One object for all children of a source, so that the rate holds over restarts.
 */
export class Complaints {
  readonly #context: SourceContext
  readonly #tally: Tally
  #line = ''
  #excerpt = ''
  #windowEndsMs = Number.NEGATIVE_INFINITY
  #left = 0

  constructor(context: SourceContext, tally: Tally) {
    this.#context = context
    this.#tally = tally
  }

  /** Another child begins. */
  begin(): void {
    this.#line = ''
    this.#excerpt = ''
  }

  readonly take = (bytes: Buffer): void => {
    const text = bytes.toString()
    this.#excerpt = (this.#excerpt + text).slice(-excerptChars)
    const lines = text.split('\n')
    const last = lines.pop() ?? ''
    for (const line of lines) {
      this.#report(this.#line + line)
      this.#line = ''
    }
    this.#line = (this.#line + last).slice(0, lineChars)
  }

  /** The end of what the child wrote, one line of text; empty when it wrote nothing. */
  get excerpt(): string {
    return this.#excerpt
      .toWellFormed()
      .trim()
      .replaceAll(/\s*\n\s*/g, '; ')
  }

  /** Whether something may be logged now; each call that is told yes takes a place of the window. */
  mayLog(): boolean {
    const nowMs = this.#context.clock.monoMs()
    if (nowMs >= this.#windowEndsMs) {
      this.#windowEndsMs = nowMs + windowMs
      this.#left = linesPerWindow
    }
    this.#left -= 1
    return this.#left >= 0
  }

  #report(line: string): void {
    const text = line.trim().slice(0, lineChars)
    if (text === '') return
    if (this.mayLog()) this.#context.log.warn({ line: text }, 'a program wrote to standard error')
    else this.#tally.problem('unlogged_line')
  }
}
