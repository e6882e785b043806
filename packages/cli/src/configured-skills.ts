/** The skills of the configuration's folders, as agents name them. */
import type { AgentOptions, Logger } from '@beamclaw/core'
import type { SkillFolders, Skills } from '@beamclaw/tools'
import type { Settings } from './config/settings.ts'

/** Owns the skills as they were loaded last. Agents that are made from them keep those of their time. */
export class ConfiguredSkills {
  readonly #folders: SkillFolders | undefined
  readonly #logger: Logger
  #skills: Skills | undefined

  private constructor(folders: SkillFolders | undefined, skills: Skills | undefined, logger: Logger) {
    this.#folders = folders
    this.#skills = skills
    this.#logger = logger
  }

  /** Loads the skills. Rejects `invalid-option`; a skill that cannot be used is logged. */
  static async from({ skills: { folders: paths, maxBytes } }: Settings, logger: Logger): Promise<ConfiguredSkills> {
    if (paths.length === 0) return new ConfiguredSkills(undefined, undefined, logger)
    const kit = await import('@beamclaw/tools')
    const folders = new kit.SkillFolders({ folders: paths, ...(maxBytes === undefined ? {} : { maxBytes }) })
    const configured = new ConfiguredSkills(folders, await folders.load(), logger)
    configured.#logProblems()
    return configured
  }

  /** Returns the options of an agent with the skills that it names. */
  agent(options: AgentOptions, names: readonly string[] = []): AgentOptions {
    const own = this.#skills?.only(names)
    const known = this.#skills?.all.map(({ name }) => name) ?? []
    for (const skill of names) {
      // Folders change while the gateway runs: a skill that is missing costs itself alone.
      if (skill !== '*' && !known.includes(skill)) this.#logger.log('warn', 'skills.unknown', { agent: options.id, skill, known })
    }
    return own === undefined || names.length === 0 ? options : own.agent(options)
  }

  /** Calls `onChange` once other skills are loaded. Returns a function that ends this. */
  watch(onChange: () => void): () => void {
    if (this.#folders === undefined) return () => {}
    return this.#folders.watch((skills) => {
      this.#skills = skills
      this.#logProblems()
      onChange()
      this.#logger.log('info', 'skills.reloaded', { skills: skills.usable.length })
    })
  }

  #logProblems(): void {
    for (const { path, problem } of this.#skills?.problems ?? []) this.#logger.log('warn', 'skills.not-used', { path, problem })
  }
}
