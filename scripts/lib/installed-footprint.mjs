// What an install of some packages puts on disk: themselves, what they ask for, and what that asks for.
import { readdirSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'

/**
 * The packages that an install of `names` brings, each with its bytes. `from` is the node_modules folder in which they lie; what they depend on
 * is found as Node finds it. A peer dependency that is not optional counts, since npm installs it.
 */
export function installedFootprint(from, names) {
  const found = new Map()
  for (const name of names) visit(name, from, found)
  return [...found.values()]
}

function visit(name, from, found) {
  const folder = realpathSync(folderOf(name, from))
  if (found.has(folder)) return
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  found.set(folder, { name, version: manifest.version, bytes: bytesBelow(folder) })
  const isOptional = (peer) => manifest.peerDependenciesMeta?.[peer]?.optional === true
  const peers = Object.keys(manifest.peerDependencies ?? {}).filter((peer) => !isOptional(peer))
  for (const needed of new Set([...Object.keys(manifest.dependencies ?? {}), ...peers])) visit(needed, folder, found)
}

function folderOf(name, from) {
  for (let folder = from; ; folder = dirname(folder)) {
    for (const path of [join(folder, name), join(folder, 'node_modules', name)]) {
      if (statSync(join(path, 'package.json'), { throwIfNoEntry: false })) return path
    }
    if (folder === dirname(folder)) throw new Error(`${name} is not installed beside ${from}`)
  }
}

function bytesBelow(folder) {
  let bytes = 0
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.name === 'node_modules') continue
    const path = join(folder, entry.name)
    bytes += entry.isDirectory() ? bytesBelow(path) : statSync(path).size
  }
  return bytes
}
