import type { PutOutcome } from '../../../../engine.ts'
import { sequenceStep } from '../../../../sequence-number.ts'

/** What became of a run of which all records were stored; the number is that of the first. */
type StoredRun = Extract<PutOutcome, { readonly status: 'stored' }>

export function isStored(outcome: PutOutcome): outcome is StoredRun {
  return outcome.status === 'stored'
}

/** Decimal digits of what lies between the numbers of a run, the last first. */
const step = Uint8Array.from(String(sequenceStep), Number).reverse()
const nine = 0x39
const beforeDigits = '{"SequenceNumber":"'

/** What is written for the next record of a run. */
interface Result {
  readonly text: Buffer
  /** Place of the last digit of the sequence number. */
  readonly lastDigit: number
}

/** The answer of PutRecords in JSON when all records were stored; `runOf` is an index into `runs` by record. */
export function storedAnswer(
  runs: readonly StoredRun[],
  runOf: readonly number[],
  encryption: string
): Buffer {
  const results: readonly Result[] = runs.map(({ shard, sequence }) => ({
    text: Buffer.from(`${beforeDigits}${sequence}","ShardId":"${shard}"},`),
    lastDigit: beforeDigits.length + sequence.length - 1
  }))
  const head = '{"FailedRecordCount":0,"Records":['
  const tail = `],"EncryptionType":"${encryption}"}`
  let length = head.length + tail.length - 1
  for (const run of runOf) length += (results[run] as Result).text.length
  const answer = Buffer.allocUnsafe(length)
  let at = answer.write(head, 'latin1')
  for (const run of runOf) {
    const result = results[run] as Result
    answer.set(result.text, at)
    at += result.text.length
    advance(result)
  }
  // Over the comma behind the last.
  answer.write(tail, at - 1, 'latin1')
  return answer
}

/** Adds `sequenceStep` to the number as it is written. It has more digits, so that nothing is carried out of it. */
function advance({ text, lastDigit }: Result): void {
  let at = lastDigit
  let carry = 0
  for (let i = 0; i < step.length; i++, at--) {
    const digit = (text[at] as number) + (step[i] as number) + carry
    carry = digit > nine ? 1 : 0
    text[at] = digit - carry * 10
  }
  for (; carry > 0; at--) {
    const digit = text[at] as number
    carry = digit === nine ? 1 : 0
    text[at] = digit + 1 - carry * 10
  }
}
