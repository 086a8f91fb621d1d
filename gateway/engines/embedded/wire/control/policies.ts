import { z } from 'zod'
import type { EmbeddedEngine } from '../../embedded-engine.ts'
import { consumerOf, isConsumerArn } from '../consumer-identity.ts'
import { type Operations, operation } from '../operation.ts'
import { definitionOf, streamOf } from '../stream-identity.ts'
import type { WireContext } from '../wire-context.ts'
import { WireError } from '../wire-error.ts'
import { resourceArn } from './control-shapes.ts'
import { changeConsumer, changeSettings } from './stream-change.ts'

/** As Amazon Kinesis bounds the policies of resources. */
const maxPolicyBytes = 20 * 1024

/** Policies of streams and consumers: kept and given back; nothing is decided by them. */
export function policies({ engine }: WireContext): Operations {
  return {
    PutResourcePolicy: operation(
      z.object({ ResourceARN: resourceArn(), Policy: z.string() }),
      async (input) => {
        requirePolicy(input.Policy)
        await setPolicy(engine, input.ResourceARN, input.Policy)
        return undefined
      }
    ),

    GetResourcePolicy: operation(z.object({ ResourceARN: resourceArn() }), (input) => {
      const policy = policyOf(engine, input.ResourceARN)
      if (policy !== undefined) return { Policy: policy }
      const message = `No resource policy found for ${input.ResourceARN}.`
      throw new WireError('ResourceNotFoundException', message)
    }),

    DeleteResourcePolicy: operation(z.object({ ResourceARN: resourceArn() }), async (input) => {
      await setPolicy(engine, input.ResourceARN, undefined)
      return undefined
    })
  }
}

function policyOf(engine: EmbeddedEngine, arn: string): string | undefined {
  if (isConsumerArn(arn)) return consumerOf(engine, arn).consumer.policy
  return definitionOf(engine, streamOf({ StreamARN: arn })).settings.policy
}

function setPolicy(engine: EmbeddedEngine, arn: string, policy: string | undefined): Promise<void> {
  return isConsumerArn(arn)
    ? changeConsumer(engine, consumerOf(engine, arn), (one) => ({ ...one, policy }))
    : changeSettings(engine, { StreamARN: arn }, (one) => ({ ...one, policy }))
}

function requirePolicy(policy: string): void {
  if (Buffer.byteLength(policy) > maxPolicyBytes) {
    throw new WireError('InvalidArgumentException', `A policy has at most ${maxPolicyBytes} bytes.`)
  }
  try {
    JSON.parse(policy)
  } catch (cause) {
    throw new WireError('InvalidArgumentException', 'The policy is not valid JSON.', { cause })
  }
}
