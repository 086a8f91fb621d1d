/**
 * Signals a process and all that it started, as far as these did not leave its group. False when
 * nobody of the group is left.
 */
export function signalGroup(leader: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-leader, signal)
  } catch {
    // Nobody is left, or only such as run as another user now, which nothing here can end.
    return false
  }
}
