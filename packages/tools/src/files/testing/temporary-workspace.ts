/** A workspace on the disk, with a neighbour that must be neither read nor changed. */
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

export class TemporaryWorkspace {
  readonly base = realpathSync(mkdtempSync(join(tmpdir(), 'beamclaw-files-')))
  readonly root = join(this.base, 'work')
  readonly secretPath = join(this.base, 'secret.txt')

  constructor(files: Readonly<Record<string, string | Uint8Array>> = {}) {
    mkdirSync(this.root)
    writeFileSync(this.secretPath, 'the secret')
    for (const [path, content] of Object.entries(files)) this.write(path, content)
  }

  write(path: string, content: string | Uint8Array): void {
    mkdirSync(dirname(join(this.root, path)), { recursive: true })
    writeFileSync(join(this.root, path), content)
  }

  read(path: string): string {
    return readFileSync(join(this.root, path), 'utf8')
  }

  [Symbol.dispose](): void {
    rmSync(this.base, { recursive: true, force: true })
  }
}
