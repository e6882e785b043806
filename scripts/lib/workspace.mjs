// What every script of the checkout needs. Runs on Node 20 with nothing installed, so: no dependencies, no TypeScript.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../..', import.meta.url))
const bin = join(root, 'node_modules', '.bin')

/** The environment in which the workspace's own Node and tools come first. */
export function toolEnvironment(extra = {}) {
  return { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH ?? ''}`, TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1', ...extra }
}

/** Runs a command to its end with the terminal passed through; ends this process with the command's code when it fails. */
export function run(command, args, { env = {}, cwd = root } = {}) {
  const result = spawnSync(command, args, { cwd, stdio: 'inherit', env: toolEnvironment(env) })
  if (result.error) fail(`${command} could not be started: ${result.error.message}`)
  if (result.status !== 0) fail(`${command} ${args.join(' ')} failed`, result.status ?? 1)
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
    ...folders('packages', 'package.json'),
    ...folders('examples', 'package.json'),
  ]
  once('install', digest(manifests), () => {
    const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
    const frozen = existsSync(join(root, 'pnpm-lock.yaml')) ? ['--frozen-lockfile'] : []
    console.error('beamclaw: installing packages …')
    run('npx', ['--yes', packageManager, 'install', ...frozen, '--prefer-offline', '--reporter=append-only', '--loglevel=error'])
  })
}

/** Builds every package when a source changed since the last time. */
export function ensureBuilt() {
  const sources = ['tsup.base.ts', 'tsconfig.base.json', 'turbo.json']
  for (const name of readdirSync(join(root, 'packages'))) {
    for (const file of ['package.json', 'tsup.config.ts', 'tsconfig.build.json']) sources.push(join('packages', name, file))
    sources.push(...filesBelow(join('packages', name, 'src')))
  }
  once('build', digest(sources), () => {
    console.error('beamclaw: building …')
    run('turbo', ['run', 'build', '--output-logs=errors-only', '--log-order=grouped', '--no-update-notifier'])
  })
}

// A stamp beside the result says for which inputs it was made; a missing result has no stamp, for both go with node_modules.
function once(name, wanted, work) {
  const folder = join(root, 'node_modules', '.beamclaw')
  const stamp = join(folder, name)
  const built = name !== 'build' || existsSync(join(root, 'packages', 'cli', 'dist', 'bin.js'))
  if (built && existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return
  work()
  mkdirSync(folder, { recursive: true })
  writeFileSync(stamp, wanted)
}

function digest(files) {
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

function filesBelow(folder) {
  const entries = readdirSync(join(root, folder), { withFileTypes: true, recursive: true })
  return entries
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.test.ts'))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(root.length))
    .sort()
}
