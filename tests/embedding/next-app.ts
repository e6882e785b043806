/** The Next.js example outside this repository, as its reader has it: our packages are packed, everything else comes from npm. */
import { type ExecFileException, execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ServerProcess, serverEnvironment } from './server-process.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const example = join(root, 'examples', 'nextjs-backend')
const ours = ['actor', 'core', 'providers', 'store-fs']
const pnpm = join(root, 'node_modules', '.bin', 'pnpm')
const next = join('node_modules', 'next', 'dist', 'bin', 'next')
const leftBehind = ['node_modules', '.next', 'data', 'pnpm-lock.yaml', 'next-env.d.ts']

/** Runs a program to its end; rejects with what it printed when it fails. */
function run(command: string, args: readonly string[], cwd: string, env?: Readonly<Record<string, string>>): Promise<string> {
  return new Promise((resolve, reject) => {
    const done = (error: ExecFileException | null, output: string, errors: string): void => {
      if (error === null) resolve(output + errors)
      else reject(new Error(`${basename(command)} ${args.join(' ')} failed:\n${output}${errors}`, { cause: error }))
    }
    execFile(command, args, { cwd, env: serverEnvironment(env), maxBuffer: 64 << 20 }, done)
  })
}

export class NextApp implements AsyncDisposable {
  readonly folder: string
  readonly #scratch: string

  private constructor(scratch: string) {
    this.#scratch = scratch
    this.folder = join(scratch, 'apps', 'nextjs-backend')
  }

  static async install(): Promise<NextApp> {
    await run(process.execPath, ['scripts/bootstrap.mjs'], root)
    const app = new NextApp(await mkdtemp(join(tmpdir(), 'beamclaw-next-')))
    await mkdir(app.folder, { recursive: true })
    for (const name of await readdir(example)) {
      if (!leftBehind.includes(name)) await cp(join(example, name), join(app.folder, name), { recursive: true })
    }
    const tarballs = Object.fromEntries(await Promise.all(ours.map(async (name) => [`@beamclaw/${name}`, await app.#pack(name)] as const)))
    await app.edit('package.json', (text) => {
      const manifest = JSON.parse(text)
      return JSON.stringify({ ...manifest, dependencies: { ...manifest.dependencies, ...tarballs } })
    })
    // The packed packages ask for versions of each other that no registry has.
    await app.edit('pnpm-workspace.yaml', (text) => `${text}\noverrides: ${JSON.stringify(tarballs)}\n`)
    await run(pnpm, ['install', '--no-frozen-lockfile', '--prefer-offline'], app.folder)
    return app
  }

  async #pack(name: string): Promise<string> {
    const destination = join(this.#scratch, name)
    await run(pnpm, ['pack', '--pack-destination', destination], join(root, 'packages', name))
    const [file = ''] = await readdir(destination)
    return `file:${join(destination, file)}`
  }

  get dataDirectory(): string {
    return join(this.folder, 'data')
  }

  async edit(file: string, change: (text: string) => string): Promise<void> {
    const path = join(this.folder, file)
    await writeFile(path, change(await readFile(path, 'utf8')))
  }

  /** Resolves with what `next build` prints. */
  build(): Promise<string> {
    return run(process.execPath, [next, 'build'], this.folder)
  }

  start(): ServerProcess {
    return this.#serve('start', { NEXT_MANUAL_SIG_HANDLE: 'true' })
  }

  dev(): ServerProcess {
    return this.#serve('dev')
  }

  #serve(command: string, env?: Readonly<Record<string, string>>): ServerProcess {
    const options = { command: process.execPath, args: [next, command, '--port', '0'], cwd: this.folder }
    return new ServerProcess(env === undefined ? options : { ...options, env })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#scratch, { recursive: true, force: true })
  }
}
