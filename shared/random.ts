import { randomBytes } from 'node:crypto'

/** Randomness as the program sees it, so that tests can replay a run from its seed. */
export interface Random {
  /** Uniform in [0, 1). */
  fraction(): number
  /** `count` bytes nobody can guess. */
  bytes(count: number): Buffer
}

export const systemRandom: Random = {
  fraction: () => Math.random(),
  bytes: (count) => randomBytes(count)
}
