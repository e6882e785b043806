// Helpers of all scripts. They run on Node 20 before anything is installed, so: no dependencies, no TypeScript.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../..', import.meta.url))
/** Folder of the scripts' own files: stamps, test results, other versions of Node. */
export const stateFolder = join(root, 'node_modules', '.beamclaw')
const bin = join(root, 'node_modules', '.bin')

/** The environment in which the workspace's own Node and tools come first. */
export function toolEnvironment(extra = {}) {
  return { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH ?? ''}`, TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1', ...extra }
}

/** Runs a command to its end with the terminal passed through; returns its exit code. */
export function attempt(command, args, { env = {}, cwd = root } = {}) {
  const result = spawnSync(command, args, { cwd, stdio: 'inherit', env: toolEnvironment(env) })
  if (result.error) fail(`${command} could not be started: ${result.error.message}`)
  return result.status ?? 1
}

/** Runs a command to its end with the terminal passed through; ends this process with the command's code when it fails. */
export function run(command, args, options) {
  const status = attempt(command, args, options)
  if (status !== 0) fail(`${command} ${args.join(' ')} failed`, status)
}

/** The folders of the workspace's packages, with what each one's package.json says. */
export function workspacePackages() {
  return folders('packages', 'package.json')
    .filter((path) => existsSync(join(root, path)))
    .map((path) => ({ folder: dirname(path), manifest: JSON.parse(readFileSync(join(root, path), 'utf8')) }))
}

/** Says what went wrong and ends the process. */
export function fail(message, code = 1) {
  console.error(`beamclaw: ${message}`)
  process.exit(code)
}

/** Runs Node code in the workspace's Node: in this process when it is new enough, else in a child that gets our signals. */
export async function runNode(file, args, { nodeOptions = [] } = {}) {
  if (nodeOptions.length === 0 && isNewEnough(process.versions.node)) {
    process.argv = [process.argv[0], file, ...args]
    await import(file)
    return
  }
  const child = spawn(join(bin, 'node'), [...nodeOptions, file, ...args], { stdio: 'inherit', env: toolEnvironment() })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('exit', (code, signal) => {
    if (signal) process.kill(process.pid, signal)
    process.exit(code ?? 1)
  })
}

function isNewEnough(version) {
  const [major, minor] = version.split('.').map(Number)
  return major > 22 || (major === 22 && minor >= 18)
}

/** Installs the workspace's packages when a manifest or the lockfile changed since the last time. */
export function ensureInstalled() {
  const manifests = [
    'package.json',
    'pnpm-lock.yaml',
    'pnpm-workspace.yaml',
    '.npmrc',
    'bench/package.json',
    'scripts/typescript-5/package.json',
    ...folders('packages', 'package.json'),
    ...folders('examples', 'package.json'),
    ...folders('tests', 'package.json'),
  ]
  const isInstalled = workspacePackages().every(
    ({ folder, manifest }) => !(manifest.dependencies ?? manifest.devDependencies) || existsSync(join(root, folder, 'node_modules')),
  )
  const work = () => {
    const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
    const frozen = existsSync(join(root, 'pnpm-lock.yaml')) ? ['--frozen-lockfile'] : []
    console.error('beamclaw: installing packages …')
    run('npx', ['--yes', packageManager, 'install', ...frozen, '--prefer-offline', '--reporter=append-only', '--loglevel=error'])
  }
  once('install', digest(manifests), work, { isThere: isInstalled })
}

/** Builds every package when a source changed since the last time. */
export function ensureBuilt() {
  const sources = ['tsup.base.ts', 'tsconfig.base.json', 'turbo.json']
  const packages = workspacePackages()
  for (const { folder } of packages) {
    for (const file of ['package.json', 'turbo.json', 'tsup.config.ts', 'bundle.ts', 'tsconfig.json', 'tsconfig.build.json']) {
      sources.push(join(folder, file))
    }
    sources.push(...filesBelow(join(folder, 'src')))
  }
  const isBuilt = packages.every(({ folder }) => existsSync(join(root, folder, 'dist', 'index.js')))
  const work = () => {
    console.error('beamclaw: building …')
    // What the cache puts back lies beside what is there: pieces of earlier builds would be published.
    for (const { folder } of packages) rmSync(join(root, folder, 'dist'), { recursive: true, force: true })
    run('turbo', ['run', 'build', '--output-logs=errors-only', '--log-order=grouped', '--no-update-notifier'])
  }
  once('build', digest(sources), work, { isThere: isBuilt })
}

/** Does the work unless it was done for the same inputs before and its result is still there. The stamp goes when node_modules goes. */
export function once(name, wanted, work, { isThere = true } = {}) {
  const stamp = join(stateFolder, name)
  if (isThere && existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return
  rmSync(stamp, { force: true })
  work()
  mkdirSync(stateFolder, { recursive: true })
  writeFileSync(stamp, wanted)
}

/** One short text that changes whenever one of the files does. */
export function digest(files) {
  const hash = createHash('sha256')
  for (const file of files) {
    const path = join(root, file)
    hash.update(file).update('\0')
    if (existsSync(path)) hash.update(readFileSync(path))
    hash.update('\0')
  }
  return hash.digest('hex')
}

function folders(parent, file) {
  const path = join(root, parent)
  if (!existsSync(path)) return []
  return readdirSync(path)
    .sort()
    .map((name) => join(parent, name, file))
}

/** The files below a folder of the workspace that end up in what is built or published. */
export function filesBelow(folder) {
  if (!existsSync(join(root, folder))) return []
  return readdirSync(join(root, folder), { recursive: true })
    .map((path) => join(folder, path))
    .filter((path) => !/\.test\.ts$|[\\/]testing([\\/]|$)/.test(path) && statSync(join(root, path)).isFile())
    .sort()
}
