/** A configuration that cannot be used. One line for each problem, with its place, what was expected and what kind of value came; never a value that may be secret. */
export class ConfigError extends Error {
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(problems.join('\n'))
    this.name = 'ConfigError'
    this.problems = problems
  }
}
