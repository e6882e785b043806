// Checks packages as users install them: packs each one and inspects the tarball, not the source.
import { spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { checkAskedModel } from './lib/asked-model.mjs'
import { checkHostApp } from './lib/host-app.mjs'
import { installedFootprint } from './lib/installed-footprint.mjs'
import { checkProgramTools } from './lib/program-tools.mjs'
import { digest, ensureBuilt, ensureInstalled, fail, filesBelow, once, root, toolEnvironment, workspacePackages } from './lib/workspace.mjs'

ensureInstalled()
ensureBuilt()
const packages = workspacePackages().filter(({ manifest }) => manifest.private !== true)
const problems = []
const scratch = mkdtempSync(join(tmpdir(), 'beamclaw-packages-'))
const installed = join(scratch, 'node_modules')
const tools = { cwd: scratch, encoding: 'utf8', env: toolEnvironment() }
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }))

const inputs = packages.flatMap(({ folder }) => [`${folder}/package.json`, `${folder}/README.md`, ...filesBelow(`${folder}/dist`)])
const scripts = [
  'scripts/check-packages.mjs',
  'scripts/lib/asked-model.mjs',
  'scripts/lib/host-app.mjs',
  'scripts/lib/installed-footprint.mjs',
  'scripts/lib/program-tools.mjs',
  'scripts/lib/tool-calls.mjs',
]

// What people install may bring so many packages and so many megabytes. Times are in bench/imports.ts.
const footprints = [
  { names: ['@beamclaw/actor'], maxPackages: 1, maxMegabytes: 0.5 },
  { names: ['@beamclaw/core'], maxPackages: 3, maxMegabytes: 2 },
  { names: ['@beamclaw/core', '@beamclaw/providers', '@beamclaw/store-fs'], maxPackages: 8, maxMegabytes: 8 },
]

once('packages-checked', digest(['pnpm-lock.yaml', 'LICENSE', ...scripts, ...inputs]), () => {
  for (const one of packages) checkTarball(one)
  for (const one of packages) linkLibraries(one)
  for (const footprint of footprints) checkFootprint(footprint)
  checkConsumer()
  checkBundle()
  problems.push(...checkHostApp(scratch, tools.env))
  problems.push(...checkAskedModel(scratch, tools))
  problems.push(...checkProgramTools(scratch, tools))
  if (problems.length > 0) fail(`packages are not fit to publish:\n${problems.map((problem) => `  ${problem}`).join('\n')}`)
})
console.log(`${packages.length} packages are fit to publish`)

function checkTarball({ folder, manifest: { name } }) {
  const complain = (problem) => problems.push(`${name}: ${problem}`)
  const tarball = join(scratch, `${name.replaceAll(/\W+/g, '-')}.tgz`)
  const typesProfile = ['--profile', 'esm-only', '--no-definitely-typed', '--format', 'ascii']
  if (fails(spawnSync('pnpm', ['pack', '--silent', '--out', tarball], { ...tools, cwd: join(root, folder) }))) {
    return complain('cannot be packed')
  }
  if (fails(spawnSync('publint', ['run', tarball, '--strict'], tools))) complain('publint objects')
  if (fails(spawnSync('attw', [...typesProfile, tarball], tools))) complain('arethetypeswrong objects')
  mkdirSync(join(scratch, name), { recursive: true })
  if (fails(spawnSync('tar', ['-xzf', tarball, '-C', join(scratch, name)], tools))) return complain('cannot be unpacked')
  const destination = join(installed, name)
  mkdirSync(dirname(destination), { recursive: true })
  cpSync(join(scratch, name, 'package'), destination, { recursive: true })

  const files = readdirSync(destination, { recursive: true })
  for (const file of ['README.md', 'LICENSE', 'package.json']) if (!files.includes(file)) complain(`${file} is missing`)
  for (const file of files) if (/(^|[\\/])src[\\/]|(^|[\\/])testing[\\/]model\.|\.test\./.test(file)) complain(`ships ${file}`)
  // The switch by which drills kill a process belongs to tests/system.
  for (const file of files.filter((file) => /\.[cm]?(js|ts)$/.test(file)))
    if (readFileSync(join(destination, file), 'utf8').includes('BEAMCLAW_FAULT')) complain(`reads BEAMCLAW_FAULT in ${file}`)
  checkManifest(JSON.parse(readFileSync(join(destination, 'package.json'), 'utf8')), destination, complain)
}

// The output of a tool is shown only when it fails.
function fails({ status, stdout, stderr }) {
  if (status !== 0) console.error(`${stdout ?? ''}${stderr ?? ''}`)
  return status !== 0
}

function checkManifest(manifest, folder, complain) {
  if (JSON.stringify(manifest).includes('beamclaw:source')) complain('still has the beamclaw:source condition')
  if (manifest.engines?.node !== '>=22.18') complain('engines.node is not >=22.18')
  if (manifest.type !== 'module') complain('type is not module')
  if (manifest.license !== 'MIT') complain('license is not MIT')
  if (typeof manifest.sideEffects !== 'boolean' && !Array.isArray(manifest.sideEffects)) complain('sideEffects is missing')
  if (!(manifest.description?.length > 10)) complain('description is missing')
  if (!(manifest.keywords?.length > 0)) complain('keywords are missing')
  const needs = { ...manifest.dependencies, ...manifest.peerDependencies, ...manifest.optionalDependencies }
  for (const [library, range] of Object.entries(needs)) {
    if (/^(workspace|catalog|link|file):/.test(range)) complain(`${library} is asked for as ${range}`)
  }
  for (const file of Object.values(manifest.bin ?? {})) {
    if (!readFileSync(join(folder, file), 'utf8').startsWith('#!')) complain(`${file} has no #! line`)
  }
  // A type that our callers see must be the very one they have: what our declarations import is theirs to bring. Not so for a program.
  if (manifest.bin) return
  for (const file of declarations(manifest, folder)) {
    for (const library of importedLibraries(file)) {
      if (!(library in (manifest.peerDependencies ?? {})) && !library.startsWith('@beamclaw/')) {
        complain(`its types name ${library}, which is no peer dependency (${file.slice(folder.length + 1)})`)
      }
    }
  }
}

// The declaration files that the public entries lead to.
function declarations(manifest, folder) {
  const found = new Set()
  const visit = (file) => {
    if (found.has(file) || !existsSync(file)) return
    found.add(file)
    for (const specifier of specifiers(file)) {
      if (specifier.startsWith('.')) visit(join(dirname(file), specifier.replace(/\.(ts|js)$/, '.d.ts')))
    }
  }
  for (const entry of Object.values(manifest.exports)) visit(join(folder, entry.types))
  return found
}

function importedLibraries(file) {
  return specifiers(file)
    .filter((specifier) => !specifier.startsWith('.') && !specifier.startsWith('node:'))
    .map((specifier) => specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/'))
}

function specifiers(file) {
  const code = readFileSync(file, 'utf8')
  return [...code.matchAll(/(?<![-\w'"])(?:from|import)\s*\(?\s*['"]([^'"\n]+)['"]/g)].map((match) => match[1])
}

// Beside our unpacked packages stand the libraries they ask for, as an install would put them.
function linkLibraries({ folder, manifest }) {
  for (const library of Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies, ...manifest.optionalDependencies })) {
    const destination = join(installed, library)
    if (existsSync(destination)) continue
    mkdirSync(dirname(destination), { recursive: true })
    symlinkSync(realpathSync(join(root, folder, 'node_modules', library)), destination, 'junction')
  }
}

function checkFootprint({ names, maxPackages, maxMegabytes }) {
  const brought = installedFootprint(installed, names)
  const megabytes = brought.reduce((sum, { bytes }) => sum + bytes, 0) / 1e6
  const summary = `${names.join(' + ')}: ${brought.length} packages, ${megabytes.toFixed(2)} MB`
  console.log(summary)
  if (brought.length <= maxPackages && megabytes <= maxMegabytes) return
  const list = brought.map(({ name, version, bytes }) => `${name} ${version} ${(bytes / 1e6).toFixed(2)} MB`).join(', ')
  problems.push(`${summary}; at most ${maxPackages} and ${maxMegabytes} MB: ${list}`)
}

// Every public entry must load, and type-check with the checks of libraries on.
function checkConsumer() {
  const entries = packages.flatMap(({ manifest }) =>
    Object.keys(manifest.publishConfig.exports).map((path) => manifest.name + path.slice(1)),
  )
  // Testkit's contracts register tests, which only vitest can do.
  const loadable = entries.filter((entry) => entry !== '@beamclaw/testkit')
  writeFileSync(join(scratch, 'package.json'), '{ "type": "module" }')
  // What a package passes on is no copy: a class is the same from either package.
  const same = [
    ['BeamClaw', 'beamclaw', '@beamclaw/core'],
    ['Actor', '@beamclaw/core', '@beamclaw/actor'],
    ['BeamClawError', '@beamclaw/core', '@beamclaw/core/actor'],
  ]
    .map(
      ([name, one, other]) =>
        `if ((await import('${one}')).${name} !== (await import('${other}')).${name}) throw new Error('two ${name}')\n`,
    )
    .join('')
  writeFileSync(join(scratch, 'load.js'), loadable.map((entry) => `await import('${entry}')\n`).join('') + same)
  if (fails(spawnSync('node', ['load.js'], tools))) problems.push('an entry does not load')

  const uses = entries.map((entry, index) => `import * as entry${index} from '${entry}'\nconsole.log(entry${index})\n`)
  writeFileSync(join(scratch, 'use.ts'), uses.join(''))
  const compilerOptions = {
    target: 'es2024',
    lib: ['es2024', 'esnext.disposable', 'esnext.collection'],
    module: 'nodenext',
    strict: true,
    noEmit: true,
    types: ['node'],
    typeRoots: [join(root, 'node_modules', '@types')],
  }
  writeFileSync(join(scratch, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['use.ts'] }))
  if (fails(spawnSync('tsc', ['-p', scratch], tools))) problems.push('the declarations do not type-check for a consumer')
}

// A bundle that takes nothing but the class of errors from core still knows the codes that core adds to those of actors while it is loaded.
function checkBundle() {
  const knows = "if (new BeamClawError('unknown-run', '').kind !== 'missing') throw new Error('the code of core has no kind')\n"
  writeFileSync(join(scratch, 'errors.js'), `import { BeamClawError } from '@beamclaw/core'\n${knows}`)
  const vite = createRequire(createRequire(import.meta.url).resolve('vitest/package.json')).resolve('vite')
  const options = {
    root: scratch,
    logLevel: 'error',
    build: { outDir: 'bundled', lib: { entry: 'errors.js', formats: ['es'], fileName: 'errors' } },
  }
  writeFileSync(join(scratch, 'bundle.js'), `import { build } from '${pathToFileURL(vite)}'\nawait build(${JSON.stringify(options)})\n`)
  for (const file of ['bundle.js', 'bundled/errors.js'])
    if (fails(spawnSync('node', [file], tools))) return problems.push(`a bundle of core's errors fails in ${file}`)
}
