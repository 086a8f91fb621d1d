/** Formats as in https://sqlite.org/fileformat2.html#walformat. */
const headerBytes = 32
const frameHeaderBytes = 24
const formatVersion = 3_007_000
const magicLittle = 0x377f0682
const magicBig = 0x377f0683

/** What a look at the raw bytes of a `-wal` says, before SQLite has seen it. */
export interface WalScan {
  /**
   * `damaged`: a commit stands at or beyond the first frame whose checksum does not match. SQLite
   * would open such a file without a word and have gone back in time.
   */
  readonly state: 'sound' | 'damaged'
  /** Frames before the first break. */
  readonly validFrames: number
}

interface Layout {
  readonly pageSize: number
  readonly littleEndian: boolean
  readonly salt1: number
  readonly salt2: number
}

type Sums = readonly [number, number]

/**
 * Walks the frames of a `-wal` with SQLite's own checksum. A tail that was torn by a power cut in
 * the middle of a commit can look like damage; what is made of it is the same in both cases.
 */
export function scanWal(wal: Buffer): WalScan {
  const header = readHeader(wal)
  if (!header) {
    // SQLite takes a file with a broken header for an empty one.
    const lost = guessLayout(wal) !== undefined
    return { state: lost ? 'damaged' : 'sound', validFrames: 0 }
  }
  const { layout } = header
  let sums = header.sums
  let at = headerBytes
  let validFrames = 0
  for (; fits(wal, at, layout); at += frameHeaderBytes + layout.pageSize) {
    const next = frameSums(wal, at, { layout, sums })
    if (!sameSalts(wal, at, layout) || !matches(wal, at + 16, next)) break
    sums = next
    validFrames += 1
  }
  const beyond = lastCommit(wal, at, layout) !== undefined
  return { state: beyond ? 'damaged' : 'sound', validFrames }
}

/**
 * The same log with its chain of checksums made anew up to the last commit, so that SQLite reads on
 * behind the break. Some page in it is wrong: every row that is read has to pass its own CRC.
 * Undefined when no commit can be made out.
 */
export function rechainWal(wal: Buffer): Buffer | undefined {
  const layout = readHeader(wal)?.layout ?? guessLayout(wal)
  const last = layout && lastCommit(wal, headerBytes, layout)
  if (layout === undefined || last === undefined) return undefined
  const frameBytes = frameHeaderBytes + layout.pageSize
  const chained = Buffer.from(wal.subarray(0, last + frameBytes))
  chained.writeUInt32BE(layout.littleEndian ? magicLittle : magicBig, 0)
  chained.writeUInt32BE(formatVersion, 4)
  chained.writeUInt32BE(layout.pageSize, 8)
  chained.writeUInt32BE(layout.salt1, 16)
  chained.writeUInt32BE(layout.salt2, 20)
  let sums = checksum(chained, { from: 0, to: 24, littleEndian: layout.littleEndian, sums: [0, 0] })
  writeSums(chained, 24, sums)
  const unusedPage = chained.readUInt32BE(last + 4) + 1
  for (let at = headerBytes; at <= last; at += frameBytes) {
    // Page 0 would end SQLite's reading.
    if (chained.readUInt32BE(at) === 0) chained.writeUInt32BE(unusedPage, at)
    chained.writeUInt32BE(layout.salt1, at + 8)
    chained.writeUInt32BE(layout.salt2, at + 12)
    sums = frameSums(chained, at, { layout, sums })
    writeSums(chained, at + 16, sums)
  }
  return chained
}

function readHeader(wal: Buffer): { layout: Layout; sums: Sums } | undefined {
  if (wal.length < headerBytes) return undefined
  const magic = wal.readUInt32BE(0)
  const pageSize = wal.readUInt32BE(8)
  if (magic !== magicLittle && magic !== magicBig) return undefined
  if (wal.readUInt32BE(4) !== formatVersion || !isPageSize(pageSize)) return undefined
  const littleEndian = magic === magicLittle
  const sums = checksum(wal, { from: 0, to: 24, littleEndian, sums: [0, 0] })
  if (!matches(wal, 24, sums)) return undefined
  const layout = { pageSize, littleEndian, ...saltsAt(wal, 16) }
  return { layout, sums }
}

/** For a file whose header is broken: the page size at which most frames carry one salt. */
function guessLayout(wal: Buffer): Layout | undefined {
  if (wal.length < headerBytes + frameHeaderBytes) return undefined
  const salts = [saltsAt(wal, 16), saltsAt(wal, headerBytes + 8)]
  let best: Layout | undefined
  let most = 0
  for (let pageSize = 512; pageSize <= 65_536; pageSize *= 2) {
    for (const salt of salts) {
      const layout = { pageSize, littleEndian: true, ...salt }
      const frames = countFrames(wal, layout)
      if (frames <= most || lastCommit(wal, headerBytes, layout) === undefined) continue
      best = layout
      most = frames
    }
  }
  return best
}

function countFrames(wal: Buffer, layout: Layout): number {
  // A page of zeros repeats its salts, too.
  if (layout.salt1 === 0 && layout.salt2 === 0) return 0
  let frames = 0
  for (let at = headerBytes; fits(wal, at, layout); at += frameHeaderBytes + layout.pageSize) {
    if (sameSalts(wal, at, layout)) frames += 1
  }
  return frames
}

/** Where the last frame begins, from `from` on, that ends a commit of this log. */
function lastCommit(wal: Buffer, from: number, layout: Layout): number | undefined {
  let last: number | undefined
  for (let at = from; fits(wal, at, layout); at += frameHeaderBytes + layout.pageSize) {
    if (ofThisLog(wal, at, layout) && wal.readUInt32BE(at + 4) !== 0) last = at
  }
  return last
}

function fits(wal: Buffer, at: number, { pageSize }: Layout): boolean {
  return at + frameHeaderBytes + pageSize <= wal.length
}

function isPageSize(size: number): boolean {
  return size >= 512 && size <= 65_536 && (size & (size - 1)) === 0
}

function saltsAt(wal: Buffer, at: number): { salt1: number; salt2: number } {
  return { salt1: wal.readUInt32BE(at), salt2: wal.readUInt32BE(at + 4) }
}

function sameSalts(wal: Buffer, frame: number, { salt1, salt2 }: Layout): boolean {
  return wal.readUInt32BE(frame + 8) === salt1 && wal.readUInt32BE(frame + 12) === salt2
}

/** Frames left from before the log began anew differ in both salts; a damaged one agrees in one. */
function ofThisLog(wal: Buffer, frame: number, { salt1, salt2 }: Layout): boolean {
  return wal.readUInt32BE(frame + 8) === salt1 || wal.readUInt32BE(frame + 12) === salt2
}

function frameSums(
  wal: Buffer,
  at: number,
  { layout, sums }: { layout: Layout; sums: Sums }
): Sums {
  const { littleEndian, pageSize } = layout
  const head = checksum(wal, { from: at, to: at + 8, littleEndian, sums })
  const from = at + frameHeaderBytes
  return checksum(wal, { from, to: from + pageSize, littleEndian, sums: head })
}

interface ChecksumOptions {
  readonly from: number
  readonly to: number
  readonly littleEndian: boolean
  readonly sums: Sums
}

function checksum(bytes: Buffer, { from, to, littleEndian, sums }: ChecksumOptions): Sums {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  let [s1, s2] = sums
  for (let at = from; at < to; at += 8) {
    s1 = (s1 + view.getUint32(at, littleEndian) + s2) >>> 0
    s2 = (s2 + view.getUint32(at + 4, littleEndian) + s1) >>> 0
  }
  return [s1, s2]
}

function matches(wal: Buffer, at: number, [s1, s2]: Sums): boolean {
  return wal.readUInt32BE(at) === s1 && wal.readUInt32BE(at + 4) === s2
}

function writeSums(wal: Buffer, at: number, [s1, s2]: Sums): void {
  wal.writeUInt32BE(s1, at)
  wal.writeUInt32BE(s2, at + 4)
}
