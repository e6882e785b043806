import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { defineConfig, type Options } from 'tsup'

// Lowers `await using`, which Node 22 cannot parse.
const target = 'es2024'

interface LibraryOptions {
  /** @default 'neutral' */
  readonly platform?: 'neutral' | 'node'
  /** @default true */
  readonly clean?: boolean
  /** Dependencies of which the build takes along what is used; their licences lie beside it. @default none */
  readonly bundled?: readonly string[]
  /** Names that stay in the build as they are, to be resolved where it runs. @default the dependencies */
  readonly external?: readonly string[]
}

/** One ESM file for each public entry; declarations come from tsc. No source maps: the code keeps its names, and the sources are not installed. */
export function library(
  entry: Record<string, string>,
  { platform = 'neutral', clean = true, bundled = [], external = [] }: LibraryOptions = {},
): ReturnType<typeof defineConfig> {
  const options = { entry, format: 'esm', target, platform, dts: false, clean, splitting: true } as const
  return defineConfig({ ...options, external: [...external], ...(bundled.length === 0 ? {} : bundling(bundled)) })
}

type EsbuildPluginHooks = Parameters<NonNullable<Options['esbuildPlugins']>[number]['setup']>[0]

interface OneFileOptions extends Pick<LibraryOptions, 'bundled'> {
  /** A package whose names all come from one of its entries, so that one file of it is loaded. @default each from the entry that it is imported from */
  readonly below?: { readonly names: RegExp; readonly entry: string }
}

/**
 * Puts the code of all entries into one file, of which each entry passes on its names: the many small files that entries would share take longer
 * to load than what they hold. `bundle` exports the names of all, and is an entry itself; the others are lists of names. What is used of the dependencies in `bundled` is
 * taken along; their licences lie beside it. What `bundle` imports dynamically gets a file of its own.
 */
export function oneFile(
  name: string,
  bundle: string,
  entries: Record<string, string>,
  { bundled = [], below }: OneFileOptions = {},
): ReturnType<typeof defineConfig> {
  const options = { format: 'esm', target, platform: 'neutral', dts: false, clean: false } as const
  const fromOneEntry = {
    name: 'from-one-entry',
    setup({ onResolve }: EsbuildPluginHooks) {
      if (below !== undefined) onResolve({ filter: below.names }, () => ({ path: below.entry, external: true, sideEffects: false }))
    },
  }
  // What tsup takes for external does not come to the plugin.
  const own = below === undefined ? {} : { noExternal: [below.names] }
  const passOn = {
    name: 'pass-on',
    setup({ onResolve }: EsbuildPluginHooks) {
      onResolve({ filter: /^\./ }, ({ kind }) =>
        kind === 'entry-point' ? undefined : { path: `./${name}.js`, external: true, sideEffects: false },
      )
    },
  }
  return defineConfig([
    {
      ...options,
      entry: { [name]: bundle },
      splitting: true,
      esbuildPlugins: [fromOneEntry],
      ...own,
      ...(bundled.length === 0 ? {} : bundling(bundled)),
    },
    { ...options, entry: entries, splitting: false, esbuildPlugins: [passOn, fromOneEntry], ...own },
  ])
}

/**
 * A program that brings its libraries along: what is not used of them costs neither time nor memory. Their licences lie beside it. Libraries in `external` stay
 * outside: those with files of their own beside their code, such as native ones, and those that a user may leave out.
 */
export function program(entry: Record<string, string>, external: readonly string[]): ReturnType<typeof defineConfig> {
  return defineConfig({
    entry,
    format: 'esm',
    target,
    platform: 'node',
    dts: false,
    splitting: true,
    external: [...external],
    // What it names is taken along, whatever `external` says.
    noExternal: [new RegExp(`^(?!(?:${external.join('|')})(?:/|$))`)],
    // Libraries in the old format ask for Node's modules by `require`.
    banner: { js: "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url)" },
    ...withLicenses,
  })
}

function bundling(names: readonly string[]): Options {
  return { noExternal: names.map((name) => new RegExp(`^${name}(/|$)`)), ...withLicenses }
}

const withLicenses = {
  metafile: true,
  onSuccess: async () => writeLicenses('dist/metafile-esm.json', 'dist/THIRD-PARTY-LICENSES.txt'),
}

/** Reads what went into a bundle out of esbuild's report, which is removed, and writes down the licence of each library. */
function writeLicenses(metafile: string, to: string): void {
  const { inputs } = JSON.parse(readFileSync(metafile, 'utf8')) as { readonly inputs: Readonly<Record<string, unknown>> }
  const folders = new Set(Object.keys(inputs).flatMap((path) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(path)?.[0] ?? []))
  writeFileSync(
    to,
    [...folders]
      .sort()
      .map(licenseOf)
      .join(`\n${'-'.repeat(80)}\n\n`),
  )
  rmSync(metafile)
}

function licenseOf(folder: string): string {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Readonly<Record<string, string>>
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry))
  return `${name} ${version} (${license})\n\n${file === undefined ? '' : readFileSync(join(folder, file), 'utf8')}`
}
