/** Where a file system is mounted, and how. */
export interface Mount {
  readonly point: string
  readonly type: string
  /** Of the mount and of the file system. */
  readonly options: readonly string[]
}

/**
 * The mount that holds `path`, absolute; later mounts hide earlier ones. `mountinfo` is as in proc(5):
 *
 *     36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
 */
export function mountOf(path: string, mountinfo: string): Mount | undefined {
  const mounts = mountinfo.split('\n').flatMap((line) => {
    const [left = '', right = ''] = line.split(' - ')
    const [point, options] = left.split(' ').slice(4, 6)
    const [type, , superOptions] = right.split(' ')
    if (point === undefined || options === undefined || type === undefined) return []
    const all = [...options.split(','), ...(superOptions ?? '').split(',')]
    return [{ point: unescaped(point), type, options: all }]
  })
  return mounts
    .filter(({ point }) => point === '/' || path === point || path.startsWith(`${point}/`))
    .reduce<Mount | undefined>(
      (best, one) => (best && best.point.length > one.point.length ? best : one),
      undefined
    )
}

/** The kernel writes blanks and backslashes as three octal digits. */
function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8))
  )
}
