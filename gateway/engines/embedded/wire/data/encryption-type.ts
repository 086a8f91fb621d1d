import type { StreamSettings } from '../../stream-settings.ts'

/** What answers say of a stream's encryption. */
export function encryptionType({ keyId }: StreamSettings): 'NONE' | 'KMS' {
  return keyId === undefined ? 'NONE' : 'KMS'
}
