/** Bundles a program for a platform, as users do, by the bundler that the test runner brings along. */
import { createRequire } from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'

interface Bundler {
  build(config: object): Promise<readonly { readonly output: readonly { readonly code?: string }[] }[]>
}

const home = fileURLToPath(new URL('../..', import.meta.url))

/** Resolves with the code of a program of this folder, and of all that it imports, under one condition such as `browser`. */
export async function bundled(program: URL, condition: string): Promise<string> {
  const vite = createRequire(createRequire(import.meta.url).resolve('vitest/package.json')).resolve('vite')
  const { build } = (await import(pathToFileURL(vite).href)) as Bundler
  const [{ output } = { output: [] }] = await build({
    root: home,
    configFile: false,
    logLevel: 'error',
    resolve: { conditions: ['beamclaw:source', condition, 'module', 'import'] },
    build: {
      write: false,
      minify: false,
      lib: { entry: fileURLToPath(program), formats: ['es'] },
      rolldownOptions: { external: [/^node:/, 'undici'] },
    },
  })
  return output.map(({ code = '' }) => code).join('\n')
}
