import type { TestContext } from 'node:test'

type Step = () => unknown

const stacks = new WeakMap<TestContext, Step[]>()

/**
 * Runs `step` after the test, the last given first: a program ends before the directory that it
 * writes to is removed. (`t.after` alone runs the first given first.)
 */
export function cleanUp(t: TestContext, step: Step): void {
  const known = stacks.get(t)
  if (known) {
    known.push(step)
    return
  }
  const stack = [step]
  stacks.set(t, stack)
  t.after(async () => {
    for (const one of stack.reverse()) await one()
  })
}
