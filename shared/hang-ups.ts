import type { Terminal } from './command-line.ts'

/**
 * SIGHUP as the wish to read the configuration again. From its construction on the signal does not
 * end the process any more; one that comes before there is something to reload is kept for it.
 */
export class HangUps {
  #reload: (() => void) | undefined
  #isDue = false

  constructor(terminal: Pick<Terminal, 'onSignal'>) {
    terminal.onSignal('SIGHUP', () => {
      this.#isDue = this.#reload === undefined
      this.#reload?.()
    })
  }

  /** Called at every signal from now on, and at once if there was one before. */
  reloadBy(reload: () => void): void {
    this.#reload = reload
    if (this.#isDue) reload()
  }
}
