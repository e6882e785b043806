/** The data directory, for commands that look into it: from flags, else the environment, else the configuration file, else `./data`. */
import { resolve } from 'node:path'
import { isSharded, shardPath } from '@beamclaw/workers'
import { ConfigError } from './config-error.ts'
import { configFile, type Environment, readConfigText } from './load.ts'
import { readYaml } from './read-yaml.ts'
import { type Config, storeSchema } from './schema.ts'
import { storeDefaults } from './store-settings.ts'
import { fillVariables, hideVariables, type Problem } from './variables.ts'

export interface DataFlags {
  readonly config?: string
  readonly dataDir?: string
}

export interface DataDirectory {
  readonly path: string
  /** The first agent of the configuration, which sessions without an agent belong to. */
  readonly agent: string
  /** The rest of the section `store`, as far as it is valid. */
  readonly store: Omit<FileStore, 'type' | 'path'>
}

type FileStore = Extract<NonNullable<Config['store']>, { readonly type: 'fs' }>

/**
 * Returns the data directory. The rest of the file is not checked: a backup must work without the keys of the model services in its environment. Throws
 * `ConfigError`.
 */
export function dataDirectoryFrom(flags: DataFlags, environment: Environment, directory: string): DataDirectory {
  const found = wholeDirectoryFrom(flags, environment, directory)
  const { path } = found
  if (!isSharded(path)) return found
  throw new ConfigError([
    `${path}: workers have split this data directory; name one shard, such as --data-dir ${shardPath(path, 0)}, while no worker runs`,
  ])
}

/** Returns the data directory, also one that workers have split. Throws `ConfigError`. */
export function wholeDirectoryFrom(flags: DataFlags, environment: Environment, directory: string): DataDirectory {
  const file = configFile(flags.config ?? environment.BEAMCLAW_CONFIG, directory)
  const { store, agents } = file === undefined ? {} : sectionsOf(file)
  const [agent = 'main'] = typeof agents === 'object' && agents !== null ? Object.keys(agents) : []
  const named = flags.dataDir ?? environment.BEAMCLAW_DATA_DIR
  const path = resolve(directory, named ?? pathIn(store, file ?? '', environment))
  return { path, agent, store: optionsIn(store, environment) }
}

const redisAdvice =
  'redis-cli --rdb FILE copies everything, beamclaw history prints a conversation, and docs/operations.md, "Redis", says how to restore and to read a journal'

function sectionsOf(file: string): { readonly store?: unknown; readonly agents?: unknown } {
  const { value } = readYaml(hideVariables(readConfigText(file)), file)
  return typeof value === 'object' && value !== null ? value : {}
}

function optionsIn(section: unknown, environment: Environment): DataDirectory['store'] {
  const parsed = storeSchema.safeParse(fillVariables(section, environment, [], ['store']))
  if (!parsed.success || parsed.data.type !== 'fs') return {}
  const { type: _, path: __, ...rest } = parsed.data
  return rest
}

function pathIn(section: unknown, file: string, environment: Environment): string {
  if (section === undefined) return storeDefaults.dataDir
  const problems: Problem[] = []
  const parsed = storeSchema.safeParse(fillVariables(section, environment, problems, ['store']))
  const [problem] = problems
  if (problem !== undefined) throw new ConfigError([`${file}: ${problem.path.join('.')}: ${problem.text}`])
  if (!parsed.success) throw new ConfigError([`${file}: store: cannot be read; beamclaw config check says what is wrong`])
  if (parsed.data.type === 'fs') return parsed.data.path ?? storeDefaults.dataDir
  const where = parsed.data.type === 'redis' ? 'sessions are kept in Redis' : 'sessions are kept in memory only'
  const otherwise = parsed.data.type === 'redis' ? `${redisAdvice}; or name` : 'name'
  throw new ConfigError([`${file}: store.type: ${where}, so there is no data directory; ${otherwise} one with --data-dir`])
}
