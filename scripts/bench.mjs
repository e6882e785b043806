// The benchmarks: what is built, measured against what runs beside it on this machine.
import { ensureBuilt, ensureInstalled, run } from './lib/workspace.mjs'

ensureInstalled()
ensureBuilt()
run('node', ['--expose-gc', 'bench/run.ts', ...process.argv.slice(2)])
