// The command line, from the checkout.
import { join } from 'node:path'
import { ensureBuilt, ensureInstalled, root, runNode } from './lib/workspace.mjs'

ensureInstalled()
ensureBuilt()
await runNode(join(root, 'packages/cli/dist/bin.js'), process.argv.slice(2))
