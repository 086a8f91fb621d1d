import type { Clock } from '../../../shared/clock.ts'
import { HandlePool } from './handle-pool.ts'
import type { ProblemReports } from './problem-reports.ts'
import type { TailFile } from './tail-file.ts'

const maxOpenFiles = 64

/** Opens files and looks at them; one that fails is reported and set aside until the next scan. */
export class FileOpener {
  readonly #pool = new HandlePool(maxOpenFiles)
  readonly #reports: ProblemReports
  readonly #clock: Clock

  constructor(reports: ProblemReports, clock: Clock) {
    this.#reports = reports
    this.#clock = clock
  }

  /** Learns size and changes of a file. Resolves with false when it cannot be read now. */
  async look(file: TailFile): Promise<boolean> {
    try {
      if (!(await this.#pool.use(file))) return false
      const from = file.position.offset
      const change = await file.look(this.#clock.monoMs())
      if (change === 'rewritten' || change === 'rewound') this.#reports.changed(file, change, from)
      this.#reports.readable(file)
      return true
    } catch (error) {
      await this.setAside(file, error)
      return false
    }
  }

  async setAside(file: TailFile, error: unknown): Promise<void> {
    await this.#pool.release(file)
    const { problem } = file.state
    Object.assign(file.state, { dirty: false, mtimeMs: -1 })
    this.#reports.failed(file, error)
    file.state.mislaid = file.state.problem === 'ENOENT' && problem !== 'ENOENT'
  }

  release(file: TailFile): Promise<void> {
    return this.#pool.release(file)
  }

  close(): Promise<void> {
    return this.#pool.close()
  }
}
