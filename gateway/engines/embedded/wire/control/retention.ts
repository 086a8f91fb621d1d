import { z } from 'zod'
import { type Operations, operation } from '../operation.ts'
import { integer, streamMembers } from '../shapes.ts'
import type { StreamMembers } from '../stream-identity.ts'
import type { WireContext } from '../wire-context.ts'
import { WireError } from '../wire-error.ts'
import { changeStream } from './stream-change.ts'
import { retentionHours } from './stream-shape.ts'

const minHours = 24
const maxHours = 8760
const hourMs = 3_600_000

const shape = z.object({
  ...streamMembers,
  RetentionPeriodHours: integer(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)
})

/** `IncreaseStreamRetentionPeriod` and `DecreaseStreamRetentionPeriod`. */
export function retention({ engine }: WireContext): Operations {
  const setHours = (
    members: StreamMembers & { readonly RetentionPeriodHours: number },
    refuse: (stream: string, nowHours: number) => string | undefined
  ) => {
    const hours = members.RetentionPeriodHours
    requireInRange(hours)
    return changeStream(engine, members, (definition) => {
      const refusal = refuse(definition.name, retentionHours(definition))
      if (refusal !== undefined) throw invalid(refusal)
      return { ...definition, retentionMs: hours * hourMs }
    })
  }
  return {
    IncreaseStreamRetentionPeriod: operation(shape, async (input) => {
      const hours = input.RetentionPeriodHours
      await setHours(input, (stream, nowHours) =>
        hours < nowHours
          ? `Requested retention period (${hours} hours) for stream ${stream} can not be shorter than existing retention period (${nowHours} hours). Use DecreaseRetentionPeriod API.`
          : undefined
      )
      return undefined
    }),

    DecreaseStreamRetentionPeriod: operation(shape, async (input) => {
      const hours = input.RetentionPeriodHours
      await setHours(input, (stream, nowHours) =>
        hours > nowHours
          ? `Requested retention period (${hours} hours) for stream ${stream} can not be longer than existing retention period (${nowHours} hours). Use IncreaseRetentionPeriod API.`
          : undefined
      )
      return undefined
    })
  }
}

function requireInRange(hours: number): void {
  if (hours < minHours) {
    throw invalid(
      `Minimum allowed retention period is ${minHours} hours. Requested retention period (${hours} hours) is too short.`
    )
  }
  if (hours > maxHours) {
    throw invalid(
      `Maximum allowed retention period is ${maxHours} hours. Requested retention period (${hours} hours) is too long.`
    )
  }
}

function invalid(message: string): WireError {
  return new WireError('InvalidArgumentException', message)
}
