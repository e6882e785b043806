// Each fence must bite: real biome and real turbo, over a small tree with one planted violation each.
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { cleanTree, plants } from './lint/plants.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const packageFolders = ['packages', 'tests']
  .flatMap((parent) => readdirSync(join(root, parent)).map((name) => `${parent}/${name}`))
  .filter((folder) => existsSync(join(root, folder, 'package.json')))
const folders: string[] = []

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

// The workspace's own configuration and manifests around a tree of a few lines.
function plantTree(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'beamclaw-fences-'))
  folders.push(folder)
  for (const name of ['biome.json', 'turbo.json', 'package.json', 'pnpm-workspace.yaml', 'pnpm-lock.yaml', '.gitignore', 'scripts/lint']) {
    cpSync(join(root, name), join(folder, name), { recursive: true })
  }
  for (const name of packageFolders) {
    for (const file of ['package.json', 'turbo.json'].filter((file) => existsSync(join(root, name, file)))) {
      cpSync(join(root, name, file), join(folder, name, file))
    }
  }
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'junction')
  for (const [path, code] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), code)
  }
  return folder
}

function runTool(name: string, args: readonly string[], folder: string): { readonly status: number | null; readonly output: string } {
  const env = { ...process.env, TURBO_TELEMETRY_DISABLED: '1', NO_COLOR: '1', GITHUB_ACTIONS: '' }
  const result = spawnSync(join(root, 'node_modules/.bin', name), args, { cwd: folder, encoding: 'utf8', env, maxBuffer: 64 << 20 })
  if (result.error) throw result.error
  return { status: result.status, output: name === 'biome' ? result.stdout : result.stdout + result.stderr }
}

interface Diagnostic {
  readonly category: string
  readonly severity: string
  readonly message: string
  readonly location: { readonly path: string }
}

function lint(folder: string): readonly Diagnostic[] {
  const { output } = runTool('biome', ['lint', '--reporter=json', '--max-diagnostics=none', '.'], folder)
  const report: { readonly diagnostics: readonly Diagnostic[] } = JSON.parse(output)
  return report.diagnostics.filter((diagnostic) => diagnostic.severity === 'error')
}

describe('biome', () => {
  let planted: readonly Diagnostic[] = []

  beforeAll(() => {
    planted = lint(plantTree({ ...cleanTree, ...Object.fromEntries(plants.map(({ path, code }) => [path, code])) }))
  })

  it('leaves a tree alone that obeys every fence', () => {
    expect(lint(plantTree(cleanTree))).toEqual([])
  })

  it.each(plants)('stops $path', ({ path, rule, says = '' }) => {
    const found = planted.filter((diagnostic) => diagnostic.location.path === path)
    expect(found.map(({ category, message }) => `${category}: ${message}`)).toContainEqual(
      expect.stringMatching(new RegExp(`^${rule}: .*${says}`)),
    )
  })

  // A plant may close a cycle, which is reported in every file on it.
  it('complains about nothing but the plants', () => {
    const paths = new Set(plants.map(({ path }) => path))
    const elsewhere = planted.filter(({ category, location }) => !paths.has(location.path) && category !== 'lint/suspicious/noImportCycles')
    expect(elsewhere).toEqual([])
  })

  it('has a plant for every fence in fences.jsonc', () => {
    const fences = readFileSync(join(root, 'scripts/lint/fences.jsonc'), 'utf8')
    const messages = [...fences.matchAll(/"message": "([^"]+)"/g)].map((match) => match[1])
    const unplanted = messages.filter((message) => !planted.some((diagnostic) => diagnostic.message === message))
    expect(messages.length).toBeGreaterThan(10)
    expect(unplanted).toEqual([])
  })
})

describe('turbo boundaries', () => {
  const read = (path: string) => JSON.parse(readFileSync(join(root, path), 'utf8'))

  it.each(packageFolders)('knows the tag of %s', (name) => {
    const known = Object.keys(read('turbo.json').boundaries.tags)
    expect(known).toContain(read(`${name}/turbo.json`).tags[0])
  })

  const manifest = (name: string, dependencies: readonly string[]) =>
    JSON.stringify({
      name,
      version: '0.0.0',
      type: 'module',
      dependencies: Object.fromEntries(dependencies.map((key) => [key, 'workspace:^'])),
    })
  const tagged = (tag: string) => JSON.stringify({ extends: ['//'], tags: [tag] })

  it('leaves a tree alone that obeys every fence', () => {
    const { status, output } = runTool('turbo', ['boundaries', '--no-color'], plantTree(cleanTree))
    expect(output).toContain('no issues found')
    expect(status).toBe(0)
  })

  const violations = [
    {
      name: 'actor on core',
      files: { 'packages/actor/package.json': manifest('@beamclaw/actor', ['@beamclaw/core']) },
      says: /`@beamclaw\/core` found without any tag[\s\S]*for\s+`@beamclaw\/actor`/,
    },
    {
      name: 'core on a sibling',
      files: { 'packages/core/package.json': manifest('@beamclaw/core', ['@beamclaw/protocol']) },
      says: /`@beamclaw\/protocol` found without any tag[\s\S]*for\s+`@beamclaw\/core`/,
    },
    {
      name: 'an adapter on another adapter',
      files: { 'packages/store-fs/package.json': manifest('@beamclaw/store-fs', ['@beamclaw/providers']) },
      says: /`@beamclaw\/providers` found without any tag[\s\S]*for\s+`@beamclaw\/store-fs`/,
    },
    {
      name: 'the protocol on core',
      files: { 'packages/protocol/package.json': manifest('@beamclaw/protocol', ['@beamclaw/core']) },
      says: /`@beamclaw\/core` found without any tag[\s\S]*for\s+`@beamclaw\/protocol`/,
    },
    {
      name: 'a browser package on core',
      files: {
        'packages/client/package.json': manifest('@beamclaw/client', ['@beamclaw/core']),
        'packages/client/turbo.json': tagged('browser'),
      },
      says: /`@beamclaw\/core` found without any tag[\s\S]*for\s+`@beamclaw\/client`/,
    },
    {
      name: 'anything on the command line',
      files: { 'packages/testkit/package.json': manifest('@beamclaw/testkit', ['beamclaw']) },
      says: /`beamclaw` found without any tag[\s\S]*for\s+`@beamclaw\/testkit`/,
    },
    {
      name: 'an application on the system tests',
      files: { 'packages/cli/package.json': manifest('beamclaw', ['@beamclaw/system-tests']) },
      says: /`beamclaw` found without any tag[\s\S]*for\s+`@beamclaw\/system-tests`/,
    },
    {
      name: 'a path out of the package',
      files: { 'packages/store-fs/src/outside.ts': `export { thing } from '../../core/src/base/errors.ts'\n` },
      says: /`..\/..\/core\/src\/base\/errors.ts` leaves the package/,
    },
    {
      name: 'a package that is not declared',
      files: { 'packages/protocol/src/undeclared.ts': `export { thing } from '@beamclaw/store-fs'\n` },
      says: /@beamclaw\/store-fs/,
    },
  ]

  it.each(violations)('stops $name', ({ files, says }) => {
    const { status, output } = runTool('turbo', ['boundaries', '--no-color'], plantTree({ ...cleanTree, ...files }))
    expect(output.replaceAll(/\n\s*\|?\s*/g, ' ')).toMatch(says)
    expect(status).not.toBe(0)
  })
})
