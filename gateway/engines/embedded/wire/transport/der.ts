// The few parts of DER (ITU-T X.690) that a certificate is written with.

const tags = {
  boolean: 0x01,
  integer: 0x02,
  bits: 0x03,
  bytes: 0x04,
  oid: 0x06,
  text: 0x0c,
  utcTime: 0x17,
  time: 0x18,
  sequence: 0x30,
  set: 0x31
} as const

/** A value under a tag of its context, as `[3] EXPLICIT`; `primitive` for what has no parts. */
export function tagged(tag: number, content: Buffer, primitive = false): Buffer {
  return item((primitive ? 0x80 : 0xa0) | tag, content)
}

export function sequence(...parts: readonly Buffer[]): Buffer {
  return item(tags.sequence, Buffer.concat(parts))
}

export function set(...parts: readonly Buffer[]): Buffer {
  return item(tags.set, Buffer.concat(parts))
}

/** Two's complement, big-endian, as short as it can be. */
export function integer(bytes: Buffer): Buffer {
  return item(tags.integer, bytes)
}

export function yes(): Buffer {
  return item(tags.boolean, Buffer.of(0xff))
}

export function text(value: string): Buffer {
  return item(tags.text, Buffer.from(value))
}

export function octets(bytes: Buffer): Buffer {
  return item(tags.bytes, bytes)
}

/** `unused`: how many of the last bits do not count. */
export function bits(bytes: Buffer, unused = 0): Buffer {
  return item(tags.bits, Buffer.concat([Buffer.of(unused), bytes]))
}

/** `1.2.840.10045.4.3.2` */
export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  return item(tags.oid, Buffer.concat([first * 40 + second, ...rest].map(base128)))
}

/** Years up to 2049 have two digits (RFC 5280, section 4.1.2.5). */
export function time(ms: number): Buffer {
  const digits = `${new Date(ms).toISOString().replace(/\D/g, '').slice(0, 14)}Z`
  return digits < '2050'
    ? item(tags.utcTime, Buffer.from(digits.slice(2)))
    : item(tags.time, Buffer.from(digits))
}

function item(tag: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.of(tag), lengthOf(content), content])
}

function lengthOf({ length }: Buffer): Buffer {
  if (length < 0x80) return Buffer.of(length)
  return length < 0x100 ? Buffer.of(0x81, length) : Buffer.of(0x82, length >> 8, length & 0xff)
}

function base128(value: number): Buffer {
  const digits = [value & 0x7f]
  for (let rest = value >> 7; rest > 0; rest >>= 7) digits.unshift((rest & 0x7f) | 0x80)
  return Buffer.from(digits)
}
