/** Reads a configuration: the file, then what the environment and the flags say over it. */
import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { isAlias, parseDocument, visit } from 'yaml'
import type { z } from 'zod'
import { ConfigError } from './config-error.ts'
import { interpolate } from './interpolate.ts'
import { type Config, configSchema } from './schema.ts'

/** Larger files are refused: parsing time grows faster than size. */
const maxConfigBytes = 256 * 1024

type Environment = Readonly<Record<string, string | undefined>>

/** The file to read: the named one, else `./beamclaw.yaml`, else the user's; undefined where there is none. */
export function configFile(named: string | undefined, directory: string): string | undefined {
  if (named !== undefined) return resolve(directory, named)
  return [join(directory, 'beamclaw.yaml'), join(homedir(), '.config', 'beamclaw', 'config.yaml')].find((path) => existsSync(path))
}

/** Reads and checks a file. Throws `ConfigError`. */
export function loadConfig(path: string, environment: Environment): Config {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw new ConfigError([`${path}: cannot be read: ${(error as Error).message}`])
  }
  return parseConfig(text, environment, path)
}

/** Checks the text of a configuration. Throws `ConfigError` with every problem. */
export function parseConfig(text: string, environment: Environment, name = 'configuration'): Config {
  if (Buffer.byteLength(text) > maxConfigBytes) throw new ConfigError([`${name}: larger than ${maxConfigBytes} bytes`])
  // The library's own check for duplicate keys takes time that grows with the square of their number.
  const document = parseDocument(text, { uniqueKeys: false })
  const problems = document.errors.map((error) => `${name}: ${error.message.split('\n')[0]}`)
  problems.push(...duplicateKeys(document).map((key) => `${name}: the key "${key}" stands twice`))
  if (problems.length > 0) throw new ConfigError(problems)
  const filled = interpolate(document.toJS({ maxAliasCount: 0 }) ?? {}, environment, problems)
  if (problems.length > 0) throw new ConfigError(problems.map((problem) => `${name}: ${problem}`))
  const parsed = configSchema.safeParse(filled)
  if (parsed.success) return parsed.data
  throw new ConfigError(parsed.error.issues.map((issue) => `${name}: ${describeIssue(issue, filled)}`))
}

function duplicateKeys(document: ReturnType<typeof parseDocument>): string[] {
  const duplicates: string[] = []
  visit(document, {
    Map(_, map) {
      const seen = new Set<string>()
      for (const { key } of map.items) {
        const name = isAlias(key) ? key.source : String(key)
        if (seen.has(name)) duplicates.push(name)
        seen.add(name)
      }
    },
  })
  return duplicates
}

function describeIssue(issue: z.core.$ZodIssue, root: unknown): string {
  const path = issue.path.map(String)
  if (issue.code === 'unrecognized_keys') return `${[...path, issue.keys[0]].join('.')}: unknown key`
  let value = root
  for (const key of path) value = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined
  const type = value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value
  return `${path.join('.') || 'the whole'}: ${issue.message} (is ${type})`
}
