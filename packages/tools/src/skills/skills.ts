/** The skills of one moment, and what an agent gets of them. */
import { type AgentOptions, BeamClawError, defineTool, type SystemContext, type Tool, toolResult } from '@beamclaw/core'
import { z } from 'zod'
import { readInside } from '../workspace/files-inside.ts'
import { systemCode } from '../workspace/path-refused.ts'
import type { Skill, SkillProblem } from './skill.ts'

/** The input of `load_skill`. */
export interface LoadSkillInput {
  readonly name: string
  readonly file?: string | undefined
}

const loadInput = z.strictObject({
  name: z.string().min(1).max(64).describe('Name of the skill, from the list in your instructions.'),
  file: z.string().min(1).max(1_024).optional().describe('A file of the skill that its text names, such as "references/forms.md".'),
})

/**
 * Skills as they were when they were loaded. They never change, so a run that has begun with them goes on with them.
 *
 * @example
 * const { usable, problems } = await new SkillFolders({ folders: ['./skills'] }).load()
 */
export class Skills {
  /** Those that this machine can use, and those that it cannot, with the reason. */
  readonly all: readonly Skill[]
  readonly problems: readonly SkillProblem[]
  readonly #maxBytes: number

  constructor(all: readonly Skill[], problems: readonly SkillProblem[], maxBytes: number) {
    this.all = Object.freeze([...all].sort((a, b) => (a.name < b.name ? -1 : 1)))
    this.problems = Object.freeze([...problems])
    this.#maxBytes = maxBytes
  }

  /** Those that this machine can use, by name. */
  get usable(): readonly Skill[] {
    return this.all.filter(({ unavailable }) => unavailable === undefined)
  }

  /** Returns those with these names; `*` stands for all. */
  only(names: readonly string[]): Skills {
    if (names.includes('*')) return this
    return new Skills(
      this.all.filter(({ name }) => names.includes(name)),
      this.problems,
      this.#maxBytes,
    )
  }

  /**
   * Returns the options of an agent that has these skills: the bodies of those that are `always` there and a list of the others follow its system prompt, and the
   * tool `load_skill` loads them. A skill that needs a tool which the agent has not is left out.
   *
   * @example
   * const agent = defineAgent(skills.agent({ id: 'main', model, system: 'You help.' }))
   */
  agent<T extends AgentOptions<never, never> | AgentOptions>(options: T): T {
    const { tools = [], system } = options as AgentOptions
    const names = new Set(tools.map(({ declaration }) => declaration.name))
    const own = new Skills(
      this.usable.filter((skill) => skill.tools.every((tool) => names.has(tool))),
      [],
      this.#maxBytes,
    )
    if (own.all.length === 0) return options
    const text = own.prompt()
    const joined =
      typeof system === 'function'
        ? async (run: SystemContext<unknown>): Promise<string> => `${await system(run)}\n\n${text}`
        : [system, text].filter((part) => part !== undefined).join('\n\n')
    return { ...options, system: joined, tools: [...tools, own.tool()], skills: own.all.map(({ name }) => name) }
  }

  /** Returns what the system prompt says of the skills; empty without any. */
  prompt(): string {
    const always = this.usable.filter((skill) => skill.always).map((skill) => `# Skill: ${skill.name}\n\n${skill.body}${placeOf(skill)}`)
    const listed = this.usable.filter((skill) => !skill.always).map(({ name, description }) => `- ${name}: ${description}`)
    const list =
      listed.length === 0
        ? []
        : [
            `# Skills\n\nEach of these tells how to do a kind of task. When one fits, load it with the tool load_skill before you begin.\n\n${listed.join('\n')}`,
          ]
    return [...always, ...list].join('\n\n')
  }

  /** Returns the tool `load_skill`: it reads the text of a skill, or a file of its folder, and nothing outside it. */
  tool(): Tool<LoadSkillInput, unknown> {
    return defineTool<LoadSkillInput>({
      name: 'load_skill',
      description: 'Loads the instructions of a skill, or a file that they name.',
      input: loadInput,
      idempotent: true,
      execute: async ({ name, file }) => {
        const skill = this.#usableSkill(name)
        return toolResult({ content: file === undefined ? await this.#textOf(skill) : await this.#fileOf(skill, file) })
      },
    })
  }

  #usableSkill(name: string): Skill {
    const skill = this.usable.find((one) => one.name === name)
    if (skill !== undefined) return skill
    const known = this.usable.map((one) => one.name).join(', ')
    throw new BeamClawError('tool-failed', `There is no skill ${JSON.stringify(name)}; there are: ${known || 'none'}`)
  }

  async #textOf(skill: Skill): Promise<string> {
    const files = await Promise.all(skill.prompts.map(async (file) => `\n\n## ${file}\n\n${await this.#fileOf(skill, file)}`))
    return `${skill.body}${files.join('')}${placeOf(skill)}`
  }

  async #fileOf(skill: Skill, file: string): Promise<string> {
    const bytes = await readInside(skill.path, file, this.#maxBytes).catch((error: unknown) => {
      throw unreadable(skill, file, error)
    })
    try {
      return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    } catch {
      throw new BeamClawError('tool-failed', `The file ${JSON.stringify(file)} of skill "${skill.name}" is not text`)
    }
  }
}

/** Commands name the scripts of a skill by where they are; the text of the skill names them from its folder. */
function placeOf({ hasFiles, path }: Skill): string {
  return hasFiles ? `\n\nThe files of this skill are in ${path}: run its scripts from there.` : ''
}

/** Returns the error of a file in terms of the skill: to the files underneath, its folder is a workspace. */
function unreadable({ name }: Skill, file: string, cause: unknown): unknown {
  const shown = JSON.stringify(file.slice(0, 200))
  if (BeamClawError.isInstance(cause, 'path-outside-workspace')) {
    const problem = `File ${shown} of skill "${name}" is refused: it is outside the folder of the skill, or no regular file with one name`
    return new BeamClawError('path-outside-workspace', problem, { cause })
  }
  if (systemCode(cause) !== 'ENOENT' && systemCode(cause) !== 'ENOTDIR') return cause
  return new BeamClawError('tool-failed', `The skill "${name}" has no file ${shown}`, { cause })
}
