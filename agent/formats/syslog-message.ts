/** One syslog message; a field that the message lacks, or leaves as `-`, is absent. */
export interface SyslogMessage {
  /** 0 to 23, see `facilityNames`. */
  readonly facility: number
  /** 0 to 7, see `severityNames`. */
  readonly severity: number
  /** Milliseconds since the epoch; absent too when the sender says that its clock is not set. */
  readonly timeMs?: number
  readonly host?: string
  readonly app?: string
  readonly pid?: string
  readonly msgId?: string
  /** Structured data: parameters by element. Values of a name that comes again follow a comma. */
  readonly data?: Readonly<Record<string, Readonly<Record<string, string>>>>
  /** UTF-8; where the bytes are not, each is read as one character of ISO 8859-1. */
  readonly message: string
}

/** RFC 5424 table 1, by the names of `syslog.h` where it has one. */
export const facilityNames = [
  ...['kern', 'user', 'mail', 'daemon', 'auth', 'syslog', 'lpr', 'news', 'uucp', 'cron'],
  ...['authpriv', 'ftp', 'ntp', 'audit', 'alert', 'clock', 'local0', 'local1', 'local2'],
  ...['local3', 'local4', 'local5', 'local6', 'local7']
] as const

/** RFC 5424 table 2. */
export const severityNames = [
  ...['emerg', 'alert', 'crit', 'err', 'warning', 'notice', 'info', 'debug']
] as const
