// The standalone gateway, from the checkout.
import { join } from 'node:path'
import { ensureBuilt, ensureInstalled, root, runNode } from './lib/workspace.mjs'

ensureInstalled()
ensureBuilt()
await runNode(join(root, 'packages/cli/dist/bin.js'), ['start', ...process.argv.slice(2)])
