import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { Program } from './programs.ts'

interface Figures {
  readonly stream: string
  readonly records: number
}

/**
 * How many records of each stream wait in the buffer of an agent, and how many are lost, as
 * `buffer ls` has it. The agent may run.
 */
export async function figuresOf(t: TestContext, dataDir: string) {
  const program = new Program(t, 'agent', {
    args: ['buffer', 'ls', '--json', '--data-dir', dataDir]
  })
  program.start()
  assert.equal(await program.exit(), 0, program.output)
  const { streams, lost } = JSON.parse(program.output)
  const byStream = (list: readonly Figures[]) =>
    new Map(list.map(({ stream, records }) => [stream, records]))
  return { waiting: byStream(streams), lost: byStream(lost) }
}
