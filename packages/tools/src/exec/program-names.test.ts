/** Each name counts: the names are here once more, with what a program of that name must get. */
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CommandRequest, PreparedCommand } from '@beamclaw/core'
import { ScriptedSandbox } from '@beamclaw/core/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { scriptWords } from '../sandboxes/program-lookup.ts'
import { execTool } from './exec-tool.ts'
import { knownPrograms } from './known-programs.ts'
import { permitsOf } from './permits.ts'
import names from './program-names.json' with { type: 'json' }
import { clientNames, editorNames, interpreterNames, loaderNames, shellNames, wrapperNames } from './program-names.ts'

/** A sandbox in which every name is a program of the system. */
class EveryProgram extends ScriptedSandbox {
  override async prepare(request: CommandRequest): Promise<PreparedCommand> {
    const prepared = await super.prepare({ ...request, argv: ['ls'] })
    return { ...prepared, executable: { path: `/usr/bin/${request.argv[0]}`, sha256: '0'.repeat(64) } }
  }
}

const bound = [...names.shells, ...names.wrappers, ...names.interpreters, ...names.editors]
const sandbox = new EveryProgram({ programs: { ls: () => {} } })
let folder = ''
const toHost = (word: string): string => join(folder, word)

beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'names-')))
  writeFileSync(join(folder, 'a.sh'), 'echo a\n')
  writeFileSync(join(folder, 'mod.js'), '1\n')
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('the lists of names', () => {
  test('have the names that are tested here', () => {
    expect(names).toEqual({
      ...{ shells: shellNames, wrappers: wrapperNames, interpreters: interpreterNames },
      ...{ editors: editorNames, clients: clientNames, loaders: loaderNames },
    })
  })

  test.each(bound)('%s: its scripts are found, also with a version', (name) => {
    for (const program of [name, `${name}-1.2`, `${name}2`])
      expect(scriptWords(`/usr/bin/${program}`, ['-x', 'bash', 'a.sh'], toHost)).toEqual([join(folder, 'a.sh')])
  })

  test.each(names.loaders)('%s: its modules are found, also below a wrapper', (name) => {
    expect(scriptWords(`/usr/bin/${name}`, ['mod'], toHost)).toEqual([join(folder, 'mod.js')])
    expect(scriptWords('/usr/bin/ionice', [name, './mod'], toHost)).toEqual([join(folder, 'mod.js')])
  })

  test.each([...bound, ...names.clients])('%s cannot be added to what a grant may cover, and no grant covers it', async (name) => {
    const options = { processes: { of: () => {}, start: () => {} }, sandbox, workspace: '/work', rememberable: [name] }
    expect(() => execTool(options as never)).toThrow(expect.objectContaining({ code: 'invalid-option' }))
    const args = name === 'sed' ? ['-i', 'x'] : name === 'find' ? ['-exec', 'x'] : ['x']
    expect(await permitsOf({ argv: [name, ...args] }, sandbox, { workspace: '/work' })).toBeUndefined()
  })

  test('have no program that is known to run nothing, but those whose arguments are looked at', () => {
    const all = new Set([...bound, ...names.clients])
    expect([...knownPrograms.keys()].filter((name) => all.has(name))).toEqual(['find', 'sed'])
  })
})
