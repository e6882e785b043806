// Type-checks every package with its tests.
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { root, run } from './lib/workspace.mjs'

for (const parent of ['packages', 'examples']) {
  if (!existsSync(join(root, parent))) continue
  for (const name of readdirSync(join(root, parent))) {
    const project = join(parent, name, 'tsconfig.json')
    if (existsSync(join(root, project))) run('tsc', ['-p', project])
  }
}
