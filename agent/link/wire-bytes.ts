/**
 * What one way to the gateway has carried since its start. `bytes` are what the sockets moved, inside
 * of TLS where there is TLS: that is all that Node counts.
 */
export interface Traffic {
  readonly bytes: number
  /** Of something for an answer: batches for Acks, and what keeps an idle connection open. */
  readonly exchanges: number
  readonly connections: number
}

/**
 * Headers of IPv4 and TCP with time stamps, bytes. A segment carries about 1400 bytes, and every
 * second one is acknowledged by an empty one.
 */
const headerBytes = 52
const segmentBytes = 1400
const perByte = 1 + (1.5 * headerBytes) / segmentBytes

/** A TLS 1.3 record has 5 bytes of header, 16 of tag and 1 of type (RFC 8446, section 5.2). */
const tlsRecordBytes = 22
const tlsRecordDataBytes = 16_384

/** Both ways of an exchange end in segments that are not full, each acknowledged: four headers at least. */
const exchangeBytes = 4 * headerBytes

/** The three packets that open a connection and the four that close it. */
const connectionBytes = 7 * headerBytes
/** A TLS handshake with two certificates of the size that public authorities issue, both ways. */
const handshakeBytes = 6 * 1024

/** What a mobile operator counts for it, estimated from above; whole bytes. Rises with each field. */
export function wireBytes({ bytes, exchanges, connections }: Traffic, tls: boolean): number {
  const plain = bytes * perByte + exchanges * exchangeBytes + connections * connectionBytes
  if (!tls) return Math.ceil(plain)
  const records = (bytes / tlsRecordDataBytes + 2 * exchanges) * tlsRecordBytes
  return Math.ceil(plain + records + connections * handshakeBytes)
}
