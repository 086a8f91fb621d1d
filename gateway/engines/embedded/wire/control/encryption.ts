import { z } from 'zod'
import { type Operations, operation } from '../operation.ts'
import { streamMembers } from '../shapes.ts'
import type { WireContext } from '../wire-context.ts'
import { WireError } from '../wire-error.ts'
import { changeSettings } from './stream-change.ts'

const shape = z.object({
  ...streamMembers,
  EncryptionType: z.enum(['NONE', 'KMS']),
  KeyId: z.string().min(1).max(2048)
})

/** `StartStreamEncryption` and `StopStreamEncryption`: the key is kept and echoed, nothing is encrypted with it. */
export function encryption({ engine }: WireContext): Operations {
  return {
    StartStreamEncryption: operation(shape, async (input) => {
      requireKms(input.EncryptionType)
      await changeSettings(engine, input, (settings) => ({ ...settings, keyId: input.KeyId }))
      return undefined
    }),

    StopStreamEncryption: operation(shape, async (input) => {
      requireKms(input.EncryptionType)
      await changeSettings(engine, input, (settings) => ({ ...settings, keyId: undefined }))
      return undefined
    })
  }
}

function requireKms(type: 'NONE' | 'KMS'): void {
  if (type === 'KMS') return
  throw new WireError(
    'InvalidArgumentException',
    'KMS is the only valid EncryptionType for this request.'
  )
}
