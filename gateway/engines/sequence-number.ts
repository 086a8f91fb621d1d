/**
 * Sequence numbers in version 2 of Kinesis' own layout, 186 bits, most significant first:
 * 2 (4 bits), creation of the shard in seconds (36), low nibble of the shard index (4), sequence
 * index (64), zero (8), time of the record in seconds (36), shard index (32), version 2 (4).
 * They are compared as numbers, and rise within a shard because the sequence index does.
 */
export interface SequenceParts {
  readonly shardCreatedSeconds: number
  readonly shardIndex: number
  /** Position in the stream; what is above the safe integers reads as the largest of them. */
  readonly index: number
  readonly timeSeconds: number
}

function sequenceValue(parts: SequenceParts): bigint {
  return (
    (2n << 184n) |
    (BigInt(parts.shardCreatedSeconds) << 148n) |
    (BigInt(parts.shardIndex & 0xf) << 144n) |
    (BigInt(parts.index) << 80n) |
    (BigInt(parts.timeSeconds) << 36n) |
    (BigInt(parts.shardIndex) << 4n) |
    2n
  )
}

/** The 56 decimal digits that clients see. */
export function encodeSequence(parts: SequenceParts): string {
  return sequenceValue(parts).toString()
}

/** What lies between the sequence numbers of records that were stored together, as `encodeSequenceAt` has them. */
export const sequenceStep = 1n << 80n

/** The sequence numbers of records that follow each other: of the one `offset` behind `first`. */
export function encodeSequenceAt(first: SequenceParts): (offset: number) => string {
  const base = sequenceValue(first)
  return (offset) => (base + BigInt(offset) * sequenceStep).toString()
}

/** Undefined for anything that is not a sequence number of this version. */
export function decodeSequence(text: string): SequenceParts | undefined {
  if (!/^[1-9]\d{55}$/.test(text)) return undefined
  const value = BigInt(text)
  const field = (at: bigint, bits: bigint) => Number(BigInt.asUintN(Number(bits), value >> at))
  const shardIndex = field(4n, 32n)
  if (value >> 184n !== 2n || field(0n, 4n) !== 2 || field(144n, 4n) !== (shardIndex & 0xf)) {
    return undefined
  }
  return {
    shardCreatedSeconds: field(148n, 36n),
    shardIndex,
    index: Math.min(field(80n, 64n), Number.MAX_SAFE_INTEGER),
    timeSeconds: field(36n, 36n)
  }
}
