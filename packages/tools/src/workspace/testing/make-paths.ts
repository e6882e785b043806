/** Builds what a case of the path corpus needs on the disk, and reads the corpus. */
import { execFileSync } from 'node:child_process'
import { linkSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

/** One step of a case: what is made, where, and its content or target. */
type MakeStep = readonly [kind: 'file' | 'dir' | 'link' | 'hard' | 'fifo' | 'socket' | 'device', at: string, target?: string]

/** A path with what each operation must do: a real path or content, `refused`, or the code of a system error. */
export interface PathCase {
  readonly name: string
  readonly make: readonly MakeStep[]
  readonly path: string
  readonly resolve: string
  readonly read: string
  readonly write: string
  readonly only?: NodeJS.Platform
}

export const pathCases: readonly PathCase[] = JSON.parse(readFileSync(new URL('./paths-corpus.json', import.meta.url), 'utf8'))

export const secret = 'the secret'

/** A workspace `root` with neighbours that must be neither read nor changed. */
export class Scratch {
  readonly base = mkdtempSync(join(tmpdir(), 'beamclaw-paths-'))
  readonly root = join(this.base, 'root')
  readonly #servers: Server[] = []

  constructor() {
    mkdirSync(this.root)
    for (const folder of ['outside', 'root-evil']) this.#write(`${folder}/secret.txt`, secret)
  }

  /** Returns the text with its placeholders filled in: `{root}`, `{base}`, `{x*3}`. */
  fill(text: string): string {
    return text
      .replaceAll('{root}', this.root)
      .replaceAll('{base}', this.base)
      .replaceAll(/\{([^{}*]+)\*(\d+)\}/g, (_, piece: string, count: string) => piece.repeat(Number(count)))
  }

  async make(steps: readonly MakeStep[]): Promise<void> {
    for (const [kind, place, target = ''] of steps) {
      const at = join(this.base, this.fill(place))
      if (kind === 'file') this.#write(this.fill(place), target)
      else if (kind === 'dir') mkdirSync(at, { recursive: true })
      else if (kind === 'link') symlinkSync(this.fill(target), at)
      else if (kind === 'hard') linkSync(join(this.base, target), at)
      else if (kind === 'fifo') execFileSync('mkfifo', [at])
      else if (kind === 'device') execFileSync('mknod', [at, 'c', '1', '5'])
      else await this.#listen(at)
    }
  }

  /** Returns the contents of the neighbours; they are what they were as long as this is `[secret, secret]`. */
  secrets(): readonly string[] {
    return ['outside', 'root-evil'].map((folder) => readFileSync(join(this.base, folder, 'secret.txt'), 'utf8'))
  }

  async remove(): Promise<void> {
    await Promise.all(this.#servers.map((server) => new Promise((resolve) => server.close(resolve))))
    rmSync(this.base, { recursive: true, force: true })
  }

  #write(place: string, content: string): void {
    const at = join(this.base, place)
    mkdirSync(dirname(at), { recursive: true })
    writeFileSync(at, content)
  }

  async #listen(at: string): Promise<void> {
    const server = createServer()
    this.#servers.push(server)
    await new Promise<void>((resolve) => server.listen(at, resolve))
  }
}
