/** Reads and checks a configuration file. */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import type * as z from 'zod'
import { ConfigError } from './config-error.ts'
import { readYaml } from './read-yaml.ts'
import { type Config, configSchema, gatewaySchema } from './schema.ts'
import { fillVariables, hideVariables, type Problem } from './variables.ts'

/** Larger files are refused: parsing time grows faster than size. */
const maxConfigBytes = 256 * 1024

/** Problems that are shown at most. */
const maxProblems = 50

/** The type of `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>

/** Returns the file to read: the named one, else `./beamclaw.yaml`, else the user's; undefined when there is none. */
export function configFile(named: string | undefined, directory: string): string | undefined {
  if (named !== undefined) return resolve(directory, named)
  return [join(directory, 'beamclaw.yaml'), join(homedir(), '.config', 'beamclaw', 'config.yaml')].find((path) => existsSync(path))
}

/** Returns the checked configuration in a file. Throws `ConfigError`. */
export function loadConfig(path: string, environment: Environment): Config {
  return parseConfig(readConfigText(path), environment, path)
}

/** Returns the text of a file. Throws `ConfigError` unless it is a readable file within the size limit. */
export function readConfigText(path: string): string {
  try {
    // Reading a pipe or a device would block.
    const status = statSync(path)
    if (!status.isFile())
      throw new ConfigError([`${path}: is ${status.isDirectory() ? 'a directory' : 'no regular file'}, expected a file`])
    if (status.size > maxConfigBytes) throw new ConfigError([tooLarge(path)])
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (error instanceof ConfigError) throw error
    throw new ConfigError([`${path}: cannot be read: ${reasons[(error as NodeJS.ErrnoException).code ?? ''] ?? (error as Error).message}`])
  }
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'there is no such file',
  EACCES: 'this user may not read it',
  ELOOP: 'its symbolic links lead in a circle',
}

/** Returns the checked configuration in a text. Throws `ConfigError` with every problem. */
export function parseConfig(text: string, environment: Environment, name = 'configuration'): Config {
  if (Buffer.byteLength(text) > maxConfigBytes) throw new ConfigError([tooLarge(name)])
  const { value, lineOf } = readYaml(hideVariables(text), name)
  const problems: Problem[] = []
  const filled = fillVariables(value, environment, problems)
  // A missing variable would cause a second problem at the same path.
  const isMissing = new Set(problems.map(({ path }) => path.join('\0')))
  const parsed = configSchema.safeParse(filled)
  if (parsed.success && problems.length === 0) return parsed.data
  for (const issue of parsed.error?.issues ?? []) {
    if (!isMissing.has(issue.path.map(String).join('\0'))) problems.push(...problemsOf(issue, filled))
  }
  const shown = problems
    .slice(0, maxProblems)
    .map(({ path, text }) => `${name}:${lineOf(path)}: ${path.join('.') || 'the whole file'}: ${text}`)
  const more = problems.length - shown.length
  throw new ConfigError(more === 0 ? shown : [...shown, `${name}: and ${more} more`])
}

/** Returns a function that names a place in a file by the file, the line and the path, for messages of problems. Throws `ConfigError`. */
export function placesIn(path: string): (place: readonly (string | number)[]) => string {
  const { lineOf } = readYaml(hideVariables(readConfigText(path)), path)
  return (place) => `${path}:${lineOf(place)}: ${place.join('.')}`
}

/** Returns address and token of a file's gateway. Errors in the rest of the file are ignored. */
export function gatewayInFile(
  path: string,
  environment: Environment,
): { readonly host?: string; readonly port?: number; readonly token?: string } {
  try {
    const filled = fillVariables(readYaml(hideVariables(readConfigText(path)), path).value, environment, [])
    const gateway =
      typeof filled === 'object' && filled !== null && 'gateway' in filled ? gatewaySchema.safeParse(filled.gateway).data : undefined
    const { host, port, auth } = gateway ?? {}
    return {
      ...(host === undefined ? {} : { host }),
      ...(port === undefined ? {} : { port }),
      ...(auth?.mode === 'token' ? { token: auth.token } : {}),
    }
  } catch (error) {
    if (error instanceof ConfigError) return {}
    throw error
  }
}

function tooLarge(name: string): string {
  return `${name}: is larger than ${maxConfigBytes / 1024} KiB`
}

function problemsOf(issue: z.core.$ZodIssue, root: unknown): readonly Problem[] {
  const path = issue.path as (string | number)[]
  if (issue.code === 'unrecognized_keys') {
    const texts = issue.message.split('\n')
    return issue.keys.map((key, index) => ({ path: [...path, key.slice(0, 64)], text: texts[index] ?? 'unknown key' }))
  }
  if (issue.code === 'invalid_key') return [{ path, text: `expected ${issue.message}` }]
  let value = root
  // A value that stands for an object, as in `store: redis`, is described itself.
  for (const key of path) if (typeof value === 'object' && value !== null) value = (value as Record<string, unknown>)[key]
  return [{ path, text: `expected ${issue.message}, is ${describe(value)}` }]
}

/** Returns a description of a value by its type, without the content of strings, which may be a secret. */
function describe(value: unknown): string {
  if (value === undefined) return 'missing'
  if (value === null) return 'empty'
  if (Array.isArray(value)) return `a list of ${value.length}`
  if (typeof value === 'string')
    return value === '' ? 'an empty string' : `a string of ${value.length} character${value.length === 1 ? '' : 's'}`
  return typeof value === 'object' ? 'an object' : `the ${typeof value} ${String(value)}`
}
