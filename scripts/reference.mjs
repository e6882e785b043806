// Writes the reference of every published entry to docs/api, out of the sources. A link that leads nowhere is an error.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { attempt, ensureInstalled, fail, root, workspacePackages } from './lib/workspace.mjs'

ensureInstalled()
const entries = workspacePackages()
  .filter(({ manifest }) => manifest.private !== true)
  .flatMap(({ folder, manifest }) =>
    Object.keys(manifest.publishConfig.exports).map((path) => join(root, folder, manifest.exports[path]['beamclaw:source'])),
  )
const missing = entries.filter((file) => !existsSync(file))
if (missing.length > 0) fail(`entries are missing: ${missing.join(', ')}`)

const folder = join(root, 'docs', 'api')
const status = attempt(join(root, 'scripts', 'typescript-5', 'node_modules', '.bin', 'typedoc'), [
  ...['--tsconfig', join(root, 'scripts', 'tsconfig.json'), '--out', folder, '--name', 'BeamClaw', '--readme', 'none'],
  ...['--basePath', join(root, 'packages'), '--disableSources'],
  // Types and unused code are checked by `npm run typecheck`.
  ...['--skipErrorChecking', '--excludeInternal', '--excludePrivate'],
  ...[
    '--validation.notExported',
    'false',
    '--validation.invalidLink',
    'true',
    '--treatValidationWarningsAsErrors',
    'true',
    '--logLevel',
    'Warn',
  ],
  ...entries.flatMap((file) => ['--entryPoints', file]),
])
if (status !== 0) fail('the reference could not be written', status)
console.log(`the reference is in ${folder}`)
