/** `beamclaw skills list`: the skills of the configured folders, and what is wrong with others. */
import { SkillFolders } from '@beamclaw/tools'
import { configFile, loadConfig } from '../config/load.ts'
import { settingsFrom } from '../config/settings.ts'
import { coloured, say, sayJson, sayTable } from '../output.ts'

/** Flags of the command. */
export interface SkillsFlags {
  readonly config?: string
  readonly json?: boolean
}

export async function listSkills({ config, json = false }: SkillsFlags): Promise<void> {
  const environment = process.env
  const file = configFile(config ?? environment.BEAMCLAW_CONFIG, process.cwd())
  const { skills: settings, agents } = settingsFrom(file === undefined ? {} : loadConfig(file, environment), {
    environment,
    ...(file && { name: file }),
  })
  const { all, problems } = await new SkillFolders(settings).load()
  const agentsOf = (name: string): readonly string[] =>
    Object.entries(agents).flatMap(([id, { skills = [] }]) => (skills.includes('*') || skills.includes(name) ? [id] : []))
  if (json) {
    const skills = all.map(({ name, description, path, always, unavailable = null }) => {
      return { name, description, path, always, unavailable, agents: agentsOf(name) }
    })
    return sayJson({ skills, problems })
  }
  if (all.length === 0) say('There are no skills. Name their folders in the configuration, under skills: { folders: [...] }.')
  else {
    sayTable(
      ['NAME', 'AGENTS', 'STATE', 'FOLDER'],
      all.map(({ name, path, always, unavailable }) => {
        const state = unavailable === undefined ? (always ? 'always' : 'on demand') : `not usable: ${unavailable}`
        return [name, agentsOf(name).join(', ') || '-', state, path]
      }),
    )
  }
  for (const { path, problem } of problems) say(`${coloured('yellow', 'not used')}  ${path}: ${problem}`)
}
