/** Makes a skill of a `SKILL.md`. Pure. */
import { withoutUnseen } from '../web/untrusted-content.ts'
import { readFrontMatter, SkillFormatError } from './front-matter.ts'
import type { Skill, SkillRequirements } from './skill.ts'

const namePattern = /^[a-z0-9][a-z0-9-]{0,63}$/
const maxDescription = 1_024
const maxCompatibility = 500
const maxItems = 64

/** Returns true for a name that a skill may have, and so its folder. */
export function isSkillName(name: string): boolean {
  return namePattern.test(name) && !name.endsWith('-') && !name.includes('--')
}

/**
 * Returns the skill of a file; `folder` is the name of its folder. Fields that are not known are ignored: other programs have their own. Throws
 * `SkillFormatError`.
 */
export function parseSkill(text: string, folder: string, path: string): Omit<Skill, 'unavailable' | 'hasFiles'> {
  const { fields, body } = readFrontMatter(text)
  const { name, description, license, compatibility, metadata, always, tools, prompts, requires } = fields
  if (typeof name !== 'string' || !isSkillName(name)) {
    throw new SkillFormatError('"name" must be 1 to 64 of a-z, 0-9 and single hyphens between them')
  }
  if (name !== folder) throw new SkillFormatError(`"name" is "${name}", and must be the name of the folder, "${folder.slice(0, 64)}"`)
  if (typeof description !== 'string' || oneLine(description) === '' || description.length > maxDescription) {
    throw new SkillFormatError(`"description" must be text of 1 to ${maxDescription} characters`)
  }
  if (always !== undefined && typeof always !== 'boolean') throw new SkillFormatError('"always" must be true or false')
  return Object.freeze({
    name,
    description: oneLine(description),
    body: withoutUnseen(body),
    path,
    always: always ?? false,
    tools: wordsOf(tools, 'tools'),
    prompts: wordsOf(prompts, 'prompts'),
    requires: requirementsOf(requires),
    license: textOf(license, 'license', maxDescription),
    compatibility: textOf(compatibility, 'compatibility', maxCompatibility),
    metadata: metadataOf(metadata),
    allowedTools: wordsOf(fields['allowed-tools'], 'allowed-tools'),
  })
}

/** A description stands in a list of the prompt: it must not look like further lines of it, nor say what a reader of the file does not see. */
function oneLine(text: string): string {
  return withoutUnseen(text)
    .replace(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .trim()
}

function textOf(value: unknown, field: string, maximum: number): string | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value === 'string' && value.length <= maximum) return value
  throw new SkillFormatError(`"${field}" must be text of at most ${maximum} characters`)
}

/** A list, or words with spaces between them, as the public format has them. */
function wordsOf(value: unknown, field: string): readonly string[] {
  if (value === undefined || value === null) return []
  const words: unknown = typeof value === 'string' ? value.split(/[\s,]+/).filter((word) => word !== '') : value
  const isList = Array.isArray(words) && words.length <= maxItems && words.every((word) => typeof word === 'string' && word.length <= 256)
  if (isList) return Object.freeze([...words])
  throw new SkillFormatError(`"${field}" must be a list of at most ${maxItems} names`)
}

function requirementsOf(value: unknown): SkillRequirements {
  if (value === undefined || value === null) return { bins: [], env: [], os: [] }
  if (typeof value !== 'object' || Array.isArray(value)) throw new SkillFormatError('"requires" must have the fields bins, env and os')
  const { bins, env, os } = value as Readonly<Record<string, unknown>>
  const programs = wordsOf(bins, 'requires.bins')
  const wrong = programs.find((program) => !/^[A-Za-z0-9._+-]+$/.test(program))
  if (wrong !== undefined)
    throw new SkillFormatError(`"requires.bins" names ${JSON.stringify(wrong.slice(0, 64))}, which is no name of a program`)
  return Object.freeze({ bins: programs, env: wordsOf(env, 'requires.env'), os: wordsOf(os, 'requires.os') })
}

function metadataOf(value: unknown): Readonly<Record<string, string>> {
  if (value === undefined || value === null) return {}
  if (typeof value !== 'object' || Array.isArray(value)) throw new SkillFormatError('"metadata" must be fields with text')
  const entries = Object.entries(value).flatMap(([key, one]) =>
    ['string', 'number', 'boolean'].includes(typeof one) ? [[key, String(one)] as const] : [],
  )
  return Object.freeze(Object.fromEntries(entries.slice(0, maxItems)))
}
