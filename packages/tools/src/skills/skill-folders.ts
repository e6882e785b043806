/** Finds skills in folders, and hears of changes. */
import { type FSWatcher, realpathSync, watch } from 'node:fs'
import { realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { BeamClawError } from '@beamclaw/core'
import { anArray, anObject, checkOptions, describeError, integer } from '@beamclaw/core/adapter'
import { listInside, readInside } from '../workspace/files-inside.ts'
import { systemCode } from '../workspace/path-refused.ts'
import { isSkillName, parseSkill } from './parse-skill.ts'
import { whyUnavailable } from './requirements.ts'
import type { Skill, SkillProblem } from './skill.ts'
import { Skills } from './skills.ts'

/** Options of `SkillFolders`. */
export interface SkillFoldersOptions {
  /** Folders with a folder for each skill. Of two skills with one name that of the earlier folder is used. One that does not exist has no skills. */
  readonly folders: readonly string[]
  /** Bytes of a `SKILL.md`, and of a file of a skill that is loaded. @default 262144 */
  readonly maxBytes?: number
  /** Skills of all folders together. @default 500 */
  readonly maxSkills?: number
  /** The variables that `requires` looks at. @default those of this process */
  readonly environment?: Readonly<Record<string, string | undefined>>
}

const foldersDefaults = { maxBytes: 256 * 1024, maxSkills: 500 } as const

/** Milliseconds without a change until it is reported: editors write in several steps. */
const quietMs = 200

/**
 * Reads the skills of folders. Throws `invalid-option`.
 *
 * @example
 * const folders = new SkillFolders({ folders: ['./skills', join(homedir(), '.beamclaw/skills')] })
 * const skills = await folders.load()
 * const agent = defineAgent(skills.agent({ id: 'main', model, system: 'You help.' }))
 */
export class SkillFolders {
  readonly #folders: readonly string[]
  readonly #maxBytes: number
  readonly #maxSkills: number
  readonly #environment: Readonly<Record<string, string | undefined>>

  constructor(options: SkillFoldersOptions) {
    checkOptions<SkillFoldersOptions>(
      'SkillFolders',
      options,
      { folders: anArray, maxBytes: integer(1, 10_000_000), maxSkills: integer(1, 10_000), environment: anObject },
      ['folders'],
    )
    const wrong = options.folders.find((folder) => typeof folder !== 'string' || folder === '' || folder.includes('\0'))
    if (wrong !== undefined) throw new BeamClawError('invalid-option', 'SkillFolders: option "folders" must be a list of paths')
    this.#folders = [...options.folders]
    this.#maxBytes = options.maxBytes ?? foldersDefaults.maxBytes
    this.#maxSkills = options.maxSkills ?? foldersDefaults.maxSkills
    this.#environment = options.environment ?? process.env
  }

  /**
   * Real paths of the folders that exist now. A sandbox in which scripts of skills are to run shows them, such as by `readOnly` of `BubblewrapSandbox`: all
   * that lies in them can be read there then.
   */
  get realFolders(): readonly string[] {
    return [...new Set(this.#folders.flatMap(realFolder))]
  }

  /** Resolves with the skills as they are now. They do not change any more: load again for later ones. Never rejects; see `problems`. */
  async load(): Promise<Skills> {
    const found = new Map<string, Skill>()
    const problems: SkillProblem[] = []
    for (const folder of this.#folders) await this.#loadFolder(folder, found, problems)
    return new Skills([...found.values()], problems, this.#maxBytes)
  }

  /**
   * Calls `onChange` with the new skills after a change in a folder, until the returned function is called. A folder that does not exist is not watched, and
   * where the system cannot watch none is.
   */
  watch(onChange: (skills: Skills) => void): () => void {
    let timer: NodeJS.Timeout | undefined
    let isStopped = false
    const heard = (): void => {
      clearTimeout(timer)
      if (isStopped) return
      timer = setTimeout(() => void this.load().then((skills) => (isStopped ? undefined : onChange(skills))), quietMs)
      timer.unref()
    }
    const watchers = this.#folders.flatMap((folder) => watcherOf(folder, heard))
    return () => {
      isStopped = true
      clearTimeout(timer)
      for (const watcher of watchers) watcher.close()
    }
  }

  async #loadFolder(folder: string, found: Map<string, Skill>, problems: SkillProblem[]): Promise<void> {
    let names: readonly string[]
    let root: string
    try {
      root = await realpath(folder)
      const entries = await listInside(root, '.')
      const links = entries.filter(({ name, type }) => type === 'link' && isSkillName(name))
      problems.push(...links.map(({ name }) => ({ path: join(folder, name), problem: 'it is a symbolic link, which is not followed' })))
      names = entries.filter(({ type }) => type === 'folder').map(({ name }) => name)
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') problems.push({ path: folder, problem: describeError(error) })
      return
    }
    for (const name of names) {
      const path = join(root, name)
      try {
        const skill = await this.#loadSkill(path, name)
        if (skill === undefined) continue
        if (found.has(name)) problems.push({ path, problem: `${found.get(name)?.path} comes first` })
        else if (found.size >= this.#maxSkills) problems.push({ path, problem: `there are more than ${this.#maxSkills} skills` })
        else found.set(name, skill)
      } catch (error) {
        problems.push({ path, problem: error instanceof Error ? error.message : String(error) })
      }
    }
  }

  /** Resolves with undefined for a folder without a `SKILL.md`. */
  async #loadSkill(path: string, name: string): Promise<Skill | undefined> {
    let bytes: Uint8Array
    try {
      bytes = await readInside(path, 'SKILL.md', this.#maxBytes)
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return undefined
      throw error
    }
    const skill = parseSkill(new TextDecoder('utf-8', { fatal: true }).decode(bytes), name, path)
    const hasFiles = (await listInside(path, '.')).some(({ name: file }) => file !== 'SKILL.md')
    const machine = { platform: process.platform, environment: this.#environment }
    return Object.freeze({ ...skill, hasFiles, unavailable: whyUnavailable(skill.requires, machine) })
  }
}

function realFolder(folder: string): readonly string[] {
  try {
    return [realpathSync.native(folder)]
  } catch {
    return []
  }
}

function watcherOf(folder: string, heard: () => void): readonly FSWatcher[] {
  try {
    return [watch(folder, { persistent: false, recursive: true }, heard).on('error', () => {})]
  } catch {
    return []
  }
}
