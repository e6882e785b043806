/** `${NAME}` in a configuration: an environment variable, in strings only. `$${NAME}` stands for itself. */

/** A problem at a path of the configuration. */
export interface Problem {
  readonly path: readonly (string | number)[]
  readonly text: string
}

// A brace means something to YAML, also in the middle of `{ key: ${NAME} }`; these characters do not.
const [open, close] = ['\ue000\ue000', '\ue001']
const hidden = new RegExp(`(\\$?)${open}([A-Za-z_][A-Za-z0-9_]*)${close}`, 'g')

/** Returns the text with every variable escaped, so that YAML parses it as part of a word. Positions are unchanged. */
export function hideVariables(text: string): string {
  return text.replace(/\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g, `${open}$1${close}`)
}

/** Returns a value with its escaped variables substituted; each one that is not set becomes a problem. */
export function fillVariables(
  value: unknown,
  environment: Readonly<Record<string, string | undefined>>,
  problems: Problem[],
  path: readonly (string | number)[] = [],
): unknown {
  if (typeof value === 'string') {
    return value.replace(hidden, (_, dollar: string, name: string) => {
      if (dollar !== '') return asWritten(name)
      const found = environment[name]
      if (found === undefined) problems.push({ path, text: `the environment variable ${name} is not set` })
      return found ?? ''
    })
  }
  if (Array.isArray(value)) return value.map((item, index) => fillVariables(item, environment, problems, [...path, index]))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => {
      // Variables in keys are not substituted.
      const name = key.replace(hidden, (_, dollar: string, variable: string) => dollar + asWritten(variable))
      return [name, fillVariables(item, environment, problems, [...path, name])]
    }),
  )
}

function asWritten(name: string): string {
  return `\${${name}}`
}
