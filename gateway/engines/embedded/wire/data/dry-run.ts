import { z } from 'zod'
import { WireError } from '../wire-error.ts'

/** Ends the operations that can be tried. */
export const dryRunMember = { DryRun: z.boolean().optional() }

/** Called when all checks have passed. Throws `DryRunOperationException` if that was all that was asked. */
export function endDryRun({ DryRun }: { readonly DryRun?: boolean | undefined }): void {
  if (DryRun !== true) return
  throw new WireError(
    'DryRunOperationException',
    'Request would have succeeded, but DryRun flag is set.'
  )
}
