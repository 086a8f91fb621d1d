import { HeadwaterError } from '../../shared/errors.ts'
import { requireName } from '../../shared/record.ts'
import type { IncomingBatch } from './admission.ts'

/** Throws `unauthorized`, `forbidden` or `invalid` when this sender may not write this batch. */
export function authorise(batch: IncomingBatch): void {
  const { principal, header, stream, records } = batch
  if (principal.revoked.aborted) {
    throw new HeadwaterError('unauthorized', 'the access of this device was revoked')
  }
  if (header && principal.device !== undefined && header.device !== principal.device) {
    throw new HeadwaterError(
      'forbidden',
      `device "${principal.device}" may not write as "${header.device}"`
    )
  }
  requireName(stream, 'stream')
  if (principal.streams && !principal.streams.includes(stream)) {
    throw new HeadwaterError(
      'forbidden',
      `device "${principal.device}" may write to ${principal.streams.join(', ')}, not to "${stream}"`
    )
  }
  if (records.lens.length === 0) throw new HeadwaterError('invalid', 'the batch has no records')
}
