/** A command that goes on when its host dies: a launcher keeps its output in files and notes how it ended. */
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { join } from 'node:path'
import type { Writable } from 'node:stream'
import type { ChannelEvents, CommandChannel } from './command-channel.ts'
import { inputClosed } from './command-error.ts'
import { factsOf } from './process-facts.ts'

// The command's own exit code is kept in a file of its own, complete or not there. Its signals are for the command: the launcher waits for it.
// A signal before "started" would end no command but be lost in the launcher, so that the owner is told of the command only then.
// The command's streams are set in a shell of its own: some shells tell the signal that ended a command on the streams that they gave it.
// `dd` writes what it reads at once and counts bytes; what comes after the cap is read and dropped, so that the command does not wait.
const launcher = `
directory=$1 cap=$2
shift 2
umask 077
exec 2>/dev/null
keep() {
  trap '' HUP INT TERM
  dd bs=65536 iflag=count_bytes count="$cap" of="$directory/$1" 2>/dev/null
  exec cat >/dev/null
}
trap : HUP INT TERM
{ {
  trap : HUP INT TERM
  /bin/sh -c 'echo $$ >"$0/started"; exec "$@" 2>&5 >&3 3>&- 5>&-' "$directory" "$@"
  echo $? >"$directory/exit.new"
  mv "$directory/exit.new" "$directory/exit"
} 5>&1 >/dev/null | keep stderr; } 3>&1 | keep stdout
`

/** Returns the words in front of a command that make it a detached one with files in this directory, which is created. */
export function detachedWords(directory: string, capBytes: number): readonly [string, ...string[]] {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  return ['/bin/sh', '-c', launcher, 'beamclaw-detached', directory, String(capBytes)]
}

/** What a file channel follows. */
export interface FileChannelParts {
  readonly directory: string
  /** The launcher. */
  readonly pid: number
  readonly startTime: string
  /** Absent for a command of an earlier process. */
  readonly input?: Writable | undefined
  /** Whether output that is there already counts. */
  readonly isFromStart: boolean
}

const pollMs = 50
const startPollMs = 2
const pieceBytes = 64 * 1024
// The launcher ends after the command as soon as nothing of it writes any more.
const endingPolls = 10

/** Follows the files of a detached command, and owns their descriptors. Removes the directory when the command is over. */
export class FileChannel implements CommandChannel {
  readonly hasTerminal = false
  readonly #parts: FileChannelParts
  readonly #files = new Map<'stdout' | 'stderr', { readonly file: FileHandle; position: number }>()
  #isClosed = false

  constructor(parts: FileChannelParts) {
    this.#parts = parts
    parts.input?.on('error', () => undefined)
  }

  get pid(): number {
    return this.#parts.pid
  }

  open(events: ChannelEvents): void {
    this.#follow(events).catch(() => {
      // Its files cannot be read: nothing more is known of it.
      events.ended()
      events.exited(undefined, undefined)
    })
  }

  write(data: Uint8Array): Promise<void> {
    const { input } = this.#parts
    if (!input?.writable) return Promise.reject(inputClosed())
    return new Promise((resolve, reject) => {
      input.write(Buffer.from(data), (error) => (error ? reject(inputClosed(error)) : resolve()))
    })
  }

  endInput(): Promise<void> {
    const { input } = this.#parts
    if (!input?.writable) return Promise.resolve()
    return new Promise((resolve) => input.end(() => resolve()).once('close', resolve))
  }

  resize(): void {}

  close(): void {
    this.#isClosed = true
    this.#parts.input?.destroy()
    for (const { file } of this.#files.values()) void file.close().catch(() => undefined)
    try {
      rmSync(this.#parts.directory, { recursive: true, force: true })
    } catch {
      // What cannot be removed stays in the state directory.
    }
  }

  async #follow({ output, exited, ended }: ChannelEvents): Promise<void> {
    const { directory, pid, startTime, isFromStart } = this.#parts
    if (!isFromStart) await this.#skip()
    for (let ending = 0; !this.#isClosed; ) {
      const facts = factsOf(pid)
      const isGone = facts === undefined || facts.isZombie || facts.startTime !== startTime
      const code = exitCodeIn(directory)
      if (code !== undefined) ending++
      // Before the decision: what was written until then is read.
      for (const stream of ['stdout', 'stderr'] as const) await this.#read(stream, output)
      if (isGone || ending > endingPolls) {
        ended()
        exited(code, undefined)
        return
      }
      await new Promise((resolve) => setTimeout(resolve, pollMs))
    }
  }

  async #skip(): Promise<void> {
    for (const stream of ['stdout', 'stderr'] as const) {
      const found = await this.#file(stream)
      if (found !== undefined) found.position = (await found.file.stat()).size
    }
  }

  async #file(stream: 'stdout' | 'stderr'): Promise<{ readonly file: FileHandle; position: number } | undefined> {
    const known = this.#files.get(stream)
    if (known !== undefined) return known
    try {
      const opened = { file: await open(join(this.#parts.directory, stream)), position: 0 }
      this.#files.set(stream, opened)
      return opened
    } catch {
      return undefined
    }
  }

  async #read(stream: 'stdout' | 'stderr', output: ChannelEvents['output']): Promise<void> {
    const found = await this.#file(stream)
    if (found === undefined) return
    for (;;) {
      const { bytesRead, buffer } = await found.file.read(Buffer.allocUnsafe(pieceBytes), 0, pieceBytes, found.position)
      if (bytesRead === 0) return
      found.position += bytesRead
      output(new Uint8Array(buffer.buffer, buffer.byteOffset, bytesRead), stream)
    }
  }
}

/** Returns the exit code that the launcher has noted; undefined while the command runs, and when launcher and command were killed together. */
function exitCodeIn(directory: string): number | undefined {
  try {
    return Number.parseInt(readFileSync(join(directory, 'exit'), 'utf8'), 10)
  } catch {
    return undefined
  }
}

/** Resolves when the launcher has started the command, or is gone. */
export async function untilStarted(directory: string, hasExited: () => boolean): Promise<void> {
  while (!hasExited() && !existsSync(join(directory, 'started'))) await new Promise((resolve) => setTimeout(resolve, startPollMs))
}
