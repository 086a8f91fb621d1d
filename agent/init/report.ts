import type { Survey } from './survey.ts'

/** What was found, a line each, and what was looked for and is not there. */
export function reportOf({ model, hasJournal, logs, gps, sensors, hasDocker }: Survey): string {
  const rows = [
    ['machine', model ?? 'no Raspberry Pi'],
    ['journal', hasJournal ? 'systemd journal' : 'none'],
    ['logs', logs.join(', ') || 'none'],
    ['GPS', gps ?? 'no gpsd and no receiver on USB'],
    ['sensors', sensors.join(', ') || 'none'],
    ...(hasDocker
      ? [
          [
            'docker',
            'follow containers with tail: /var/lib/docker/containers/*/*-json.log, or by the journal'
          ]
        ]
      : [])
  ]
  return rows.map(([what = '', found = '']) => `${what.padEnd(9)}${found}`).join('\n')
}
