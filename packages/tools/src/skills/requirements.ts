/** Looks whether a machine has what a skill requires. */
import { findProgram } from '../sandboxes/program-lookup.ts'
import type { SkillRequirements } from './skill.ts'

/** The machine, as skills see it. */
export interface SkillMachine {
  readonly platform: string
  readonly environment: Readonly<Record<string, string | undefined>>
}

/** Returns why the machine cannot use a skill; undefined where it can. */
export function whyUnavailable({ bins, env, os }: SkillRequirements, { platform, environment }: SkillMachine): string | undefined {
  const missing = [
    ...(os.length === 0 || os.includes(platform) ? [] : [`it is for ${os.join(', ')}, and this is ${platform}`]),
    ...bins.filter((program) => !isInstalled(program, environment)).map((program) => `there is no program "${program}"`),
    ...env.filter((name) => !Object.hasOwn(environment, name) || !environment[name]).map((name) => `the variable ${name} is not set`),
  ]
  return missing.length === 0 ? undefined : missing.join('; ')
}

function isInstalled(program: string, { PATH = '' }: SkillMachine['environment']): boolean {
  try {
    findProgram(
      program,
      PATH.split(':').filter((folder) => folder.startsWith('/')),
      '/',
    )
    return true
  } catch {
    return false
  }
}
