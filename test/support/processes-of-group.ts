import { readdir, readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'

/**
 * Ids of the processes in a group that still run when they have had a moment to end; those that
 * only wait to be reaped do not run.
 */
export async function processesOfGroup(group: number): Promise<number[]> {
  let left: number[] = []
  for (let attempt = 0; attempt < 20; attempt++) {
    left = await running(group)
    if (left.length === 0) break
    await delay(20)
  }
  return left
}

async function running(group: number): Promise<number[]> {
  const found: number[] = []
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const stat = await readFile(`/proc/${name}/stat`, 'utf8').catch(() => '')
    const [state, , pgrp] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    if (Number(pgrp) === group && state !== 'Z') found.push(Number(name))
  }
  return found
}
