/** A configuration that cannot be used. One line for each problem, with its path, what came and what was expected; never a value that may be secret. */
export class ConfigError extends Error {
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(problems.join('\n'))
    this.problems = problems
  }
}
