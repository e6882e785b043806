/** What an adapter refuses, in the words of a configuration file. */
import type { BeamClawError } from '@beamclaw/core'
import type { Problem } from './variables.ts'

/**
 * Returns the problem of an adapter that is made of the section at `path`. Constructors speak to programs: of options, and of environment variables, which a
 * file names itself.
 */
export function adapterProblem(path: readonly string[], section: object, { message, details }: BeamClawError): Problem {
  const { owner, option, variable, expected } = details
  if (option === 'apiKey' && typeof variable === 'string') {
    const text = `expected ${String(expected)}, is missing; write apiKey: \${${variable}}, or the baseUrl of a server of your own`
    return { path: [...path, 'apiKey'], text }
  }
  const [key = '', ...inner] = typeof option === 'string' ? option.split('.') : []
  const place = Object.hasOwn(section, key) ? [...path, key, ...inner] : path
  // A class or a tool is no concern of a file; other owners, such as `models["x"]`, are places in it.
  const isAdapter = typeof owner === 'string' && /^(?:[A-Z]\w*|\w+Tools?)$/.test(owner) && message.startsWith(`${owner}: `)
  return { path: place, text: isAdapter ? message.slice(owner.length + 2) : message }
}
