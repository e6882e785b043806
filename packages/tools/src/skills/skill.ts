/** What is known of a skill. */

/** What the machine has to have for a skill. */
export interface SkillRequirements {
  /** Programs that have to be in `PATH`. */
  readonly bins: readonly string[]
  /** Variables that have to be set. */
  readonly env: readonly string[]
  /** Platforms, as `process.platform` names them; empty for any. */
  readonly os: readonly string[]
}

/** A skill: a folder with a `SKILL.md` that tells an agent how to do something. */
export interface Skill {
  /** The name of its folder. */
  readonly name: string
  /** What it is for and when to use it, for the model. */
  readonly description: string
  /** The text of `SKILL.md` after its front matter. */
  readonly body: string
  /** Real path of its folder. */
  readonly path: string
  /** Whether there is more in its folder than `SKILL.md`. */
  readonly hasFiles: boolean
  /** Whether its body is in the prompt of every run. */
  readonly always: boolean
  /** Names of tools without which an agent does not get it. */
  readonly tools: readonly string[]
  /** Files of its folder that are loaded together with the body. */
  readonly prompts: readonly string[]
  readonly requires: SkillRequirements
  readonly license: string | undefined
  readonly compatibility: string | undefined
  readonly metadata: Readonly<Record<string, string>>
  /** Names of tools that its author recommends, as the public format has them; nothing follows from them. */
  readonly allowedTools: readonly string[]
  /** Why this machine cannot use it; undefined where it can. */
  readonly unavailable: string | undefined
}

/** A folder that is no skill, or whose skill is not used, and why. */
export interface SkillProblem {
  readonly path: string
  readonly problem: string
}
