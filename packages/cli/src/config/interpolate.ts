/** Replaces `${NAME}` by environment variables, in strings only. */

/** Answers the value with every variable filled in; the names of missing ones go to `missing` with their path. */
export function interpolate(
  value: unknown,
  environment: Readonly<Record<string, string | undefined>>,
  missing: string[],
  path: readonly string[] = [],
): unknown {
  if (typeof value === 'string') {
    return value.replace(/\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g, (_, name: string) => {
      const found = environment[name]
      if (found === undefined) missing.push(`${path.join('.')}: the environment variable ${name} is not set`)
      return found ?? ''
    })
  }
  if (Array.isArray(value)) return value.map((item, index) => interpolate(item, environment, missing, [...path, String(index)]))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, interpolate(item, environment, missing, [...path, key])]))
}
