import { WireError } from '../wire-error.ts'
import type { Operation, Operations } from '../operation.ts'

const service = 'Kinesis_20131202'

/** What the service has had since 2026 and this engine has not. */
const unsupported: ReadonlySet<string> = new Set([
  'CreateChannel',
  'DeleteChannel',
  'DescribeChannel',
  'ListChannels',
  'UpdateChannel',
  'UpdateStreamRecordDistributionStrategy'
])

/** Throws `UnknownOperationException`. */
export function operationOf(
  target: string | readonly string[] | undefined,
  operations: Operations
): { readonly name: string; readonly operation: Operation } {
  const [prefix, name = ''] = String(target ?? '').split('.', 2)
  const operation = Object.hasOwn(operations, name) ? operations[name] : undefined
  if (prefix === service && operation) return { name, operation }
  throw new WireError('UnknownOperationException', complaint(prefix, name))
}

function complaint(prefix: string | undefined, name: string): string {
  if (prefix !== service || name === '') {
    return `The header X-Amz-Target must be ${service}. and the name of an operation.`
  }
  if (unsupported.has(name)) return `${name} is not supported by the embedded engine.`
  return `There is no operation ${name}.`
}
