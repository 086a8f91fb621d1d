/** What `work` takes of the processor, which other programs do not lengthen. Milliseconds. */
export function cpuMsOf(work: () => void): number {
  const begun = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(begun)
  return (user + system) / 1000
}
