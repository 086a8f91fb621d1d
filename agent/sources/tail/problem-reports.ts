import { asHeadwaterError } from '../../../shared/errors.ts'
import type { Log } from '../../../shared/log.ts'
import type { Tally } from '../tally.ts'
import type { TailFile } from './tail-file.ts'

/** Paths that are remembered so that a problem is reported once; past it, reports repeat. */
const maxRemembered = 1000

/** Says what could not be read as it was: one line for each change, a count for each kind. */
export class ProblemReports {
  readonly #log: Log
  readonly #tally: Tally
  /** What is wrong at each path, as of this scan and the one before. */
  #problems = new Map<string, string>()
  #before = new Map<string, string>()

  constructor(log: Log, tally: Tally) {
    this.#log = log
    this.#tally = tally
  }

  /** A problem that a scan does not find again is over. */
  nextScan(): void {
    this.#before = this.#problems
    this.#problems = new Map()
  }

  unreadable(path: string, error: unknown): void {
    this.#once(path, codeOf(error), () => {
      this.#tally.problem('unreadable_file')
      this.#log.warn({ path, error }, 'cannot be read; tried again at every scan')
    })
  }

  tooMany(path: string, maxFiles: number): void {
    this.#once(path, 'too many', () => {
      this.#tally.problem('too_many_files')
      this.#log.warn({ path, maxFiles }, 'not followed: maxFiles is reached')
    })
  }

  badCursor(cursor: string, error: unknown): void {
    this.#tally.problem('bad_cursor')
    this.#log.error({ cursor, error }, 'cursor cannot be read; its file is read from the start')
  }

  /** An open file failed, or could not be opened. */
  failed(file: TailFile, error: unknown): void {
    const code = codeOf(error)
    if (file.state.problem === code) return
    file.state.problem = code
    // It went between the scan and now: the next scan sees where to.
    if (code === 'ENOENT') return
    this.#tally.problem('unreadable_file')
    const path = file.sighting?.path ?? file.home
    this.#log.warn({ path, error }, 'cannot be read; tried again at every scan')
  }

  readable(file: TailFile): void {
    file.state.problem = ''
  }

  /** A file does not hold any more what was read of it, up to `from`. */
  changed(file: TailFile, change: 'rewritten' | 'rewound', from: number): void {
    this.#tally.problem(`${change}_file`)
    const fields = { path: file.sighting?.path ?? file.home, from }
    if (change === 'rewritten') {
      this.#log.info(fields, 'file was emptied; read from its start')
    } else {
      const to = file.position.offset
      this.#log.warn({ ...fields, to }, 'file lost its end; read on from the last that is known')
    }
  }

  #once(path: string, problem: string, report: () => void): void {
    if (this.#problems.size < maxRemembered) this.#problems.set(path, problem)
    if (this.#before.get(path) !== problem) report()
  }
}

function codeOf(error: unknown): string {
  if (error instanceof Error && 'code' in error) return String(error.code)
  return asHeadwaterError(error).code
}
