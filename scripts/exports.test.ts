// The public names of every package, entry by entry, kept in scripts/exports/: a change of API is a change of a file that is reviewed.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))

interface Names {
  readonly values: readonly string[]
  readonly types: readonly string[]
}

interface Manifest {
  readonly name: string
  readonly exports: Readonly<Record<string, { readonly 'beamclaw:source': string }>>
  readonly publishConfig: { readonly exports: Readonly<Record<string, unknown>> }
}

const entries = readdirSync(join(root, 'packages')).flatMap((folder) => {
  const path = join(root, 'packages', folder, 'package.json')
  if (!existsSync(path)) return []
  const manifest: Manifest = JSON.parse(readFileSync(path, 'utf8'))
  // An entry that is not published serves the tests of this workspace.
  return Object.keys(manifest.publishConfig.exports).map((subpath) => ({
    name: manifest.name + subpath.slice(1),
    file: join(root, 'packages', folder, manifest.exports[subpath]?.['beamclaw:source'] ?? expect.unreachable(subpath)),
  }))
})

// Reads a barrel as text: types leave no trace at run time. What it cannot read it refuses, so that no name slips by.
function namesIn(file: string): Names {
  const code = readFileSync(file, 'utf8').replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '')
  const values: string[] = []
  const types: string[] = []
  const rest = code.replaceAll(
    /export\s+(type\s+)?\{([^}]*)\}\s*(?:from\s*'[^']+')?/g,
    (_all, isType: string | undefined, list: string) => {
      for (const item of list.split(',').map((text) => text.trim())) {
        if (item === '') continue
        const name = item.replace(/^type\s+/, '').replace(/^.*\sas\s+/, '')
        const names = isType !== undefined || item.startsWith('type ') ? types : values
        names.push(name)
      }
      return ''
    },
  )
  expect(rest.trim(), `${file} lists its names one by one`).toBe('')
  return { values: values.sort(), types: types.sort() }
}

describe.each(entries)('$name', ({ name, file }) => {
  const { values, types } = namesIn(file)

  it('exports the names that were reviewed', async () => {
    const listing = [`${values.length} values`, ...values, '', `${types.length} types`, ...types, ''].join('\n')
    await expect(listing).toMatchFileSnapshot(`exports/${name.replaceAll(/[@/]/g, '-').replace(/^-/, '')}.txt`)
  })

  it('exports at run time what its entry lists', async () => {
    const loaded: object = await import(pathToFileURL(file).href)
    expect(Object.keys(loaded).sort()).toEqual(values)
  })
})

it('has the same primitives in core as alone', () => {
  const namesOf = (entry: string): Names => namesIn(entries.find(({ name }) => name === entry)?.file ?? expect.unreachable(entry))
  expect(namesOf('@beamclaw/core/actor')).toEqual(namesOf('@beamclaw/actor'))
  const core = namesOf('@beamclaw/core')
  expect(core.values).toEqual(expect.arrayContaining([...namesOf('@beamclaw/actor').values]))
  expect(core.types).toEqual(expect.arrayContaining([...namesOf('@beamclaw/actor').types]))
})

it('keeps core small enough to be known by heart', () => {
  const core = entries.find(({ name }) => name === '@beamclaw/core')
  expect(namesIn(core?.file ?? '').values.length).toBeLessThan(80)
})
