// Which of the system's libraries binaries need, as Debian calls them.
import { execFileSync } from 'node:child_process'

/** Versions of GCC by the last part of the newest GLIBCXX symbol version they brought. */
const gccByGlibcxx = { 28: '10', 29: '11', 30: '12', 31: '13', 32: '13.1', 33: '14', 34: '15' }

/** `Depends` for these ELF files: the oldest libraries that have every symbol they use. */
export function librariesOf(files) {
  const text = files
    .map((file) => execFileSync('readelf', ['-V', file], { encoding: 'utf8', maxBuffer: 2 ** 26 }))
    .join('')
  const glibc = newest(text, /Name: GLIBC_2\.(\d+)/g)
  const glibcxx = newest(text, /Name: GLIBCXX_3\.4\.(\d+)/g)
  const gcc = gccByGlibcxx[glibcxx]
  const standard = gcc === undefined ? 'libstdc++6' : `libstdc++6 (>= ${gcc})`
  return `libc6 (>= 2.${glibc}), libgcc-s1, ${standard}`
}

function newest(text, pattern) {
  return Math.max(...[...text.matchAll(pattern)].map(([, minor]) => Number(minor)))
}
