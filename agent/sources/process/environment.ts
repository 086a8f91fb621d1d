/** What a program needs to find its way; all else may be a secret of the agent. */
const passedOn = /^(PATH|HOME|USER|LOGNAME|SHELL|LANG|LANGUAGE|LC_[A-Z]+|TZ|TMPDIR)$/

/** The part of the agent's own environment that every program which a source runs is given. */
export function harmlessPart(
  environment: Readonly<Record<string, string | undefined>> = {}
): Record<string, string> {
  const part: Record<string, string> = {}
  for (const [name, value] of Object.entries(environment)) {
    if (value !== undefined && passedOn.test(name)) part[name] = value
  }
  return part
}
