/** Runs commands for the tests of sandboxes. */
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { join } from 'node:path'
import type { CommandExit, CommandListener, CommandRequest, SandboxProcess } from '@beamclaw/core'
import * as assert from './assert.ts'
import type { ContractTests } from './contract.ts'
import type { SandboxUnderTest } from './sandbox-contract.ts'

export type SandboxTests = ContractTests<SandboxUnderTest>

/** What a listener has heard of one command. */
export class Heard {
  readonly exits: CommandExit[] = []
  readonly listener: CommandListener
  readonly exit: Promise<CommandExit>
  #texts = { stdout: '', stderr: '' }
  #bytes = 0
  #late = false
  readonly #waiting: { readonly text: string; readonly found: () => void }[] = []

  constructor() {
    const { promise, resolve } = Promise.withResolvers<CommandExit>()
    this.exit = promise
    this.listener = {
      onOutput: (chunk, stream) => {
        if (this.exits.length > 0) this.#late = true
        this.#bytes += chunk.length
        if (this.#bytes <= 1_000_000) this.#texts[stream] += Buffer.from(chunk).toString('latin1')
        for (const { text, found } of this.#waiting) if (this.#texts.stdout.includes(text)) found()
      },
      onExit: (exit) => {
        this.exits.push(exit)
        resolve(exit)
      },
    }
  }

  get stdout(): string {
    return Buffer.from(this.#texts.stdout, 'latin1').toString()
  }

  get stderr(): string {
    return Buffer.from(this.#texts.stderr, 'latin1').toString()
  }

  get bytes(): number {
    return this.#bytes
  }

  get isLate(): boolean {
    return this.#late
  }

  /** Resolves when the output has this text. */
  async output(text: string): Promise<void> {
    if (this.#texts.stdout.includes(text)) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#waiting.push({ text, found: resolve })
    await Promise.race([
      promise,
      this.exit.then(() =>
        assert.fail(`expected the output ${JSON.stringify(text)}, the command ended with ${JSON.stringify(this.stdout + this.stderr)}`),
      ),
    ])
  }
}

/** A command under way, and what is heard of it. */
export interface Started {
  readonly running: SandboxProcess
  readonly heard: Heard
}

/** Returns a shell command. The first word of the arguments is `$0`. */
export function shell(script: string, ...args: string[]): readonly [string, ...string[]] {
  return ['/bin/sh', '-c', script, 'sh', ...args]
}

export async function started(
  { sandbox, workspace }: SandboxUnderTest,
  argv: readonly [string, ...string[]],
  request: Partial<CommandRequest> = {},
  isDetached = false,
): Promise<Started> {
  const prepared = await sandbox.prepare({ argv, workspace, ...request })
  const heard = new Heard()
  return { running: await sandbox.spawn(prepared, { listener: heard.listener, isDetached }), heard }
}

/** Runs a command without input to its end. */
export async function ran(
  subject: SandboxUnderTest,
  argv: readonly [string, ...string[]],
  request: Partial<CommandRequest> = {},
): Promise<Heard> {
  const { running, heard } = await started(subject, argv, request)
  await running.endInput()
  await heard.exit
  return heard
}

/**
 * A pipe in the workspace that a command and its children hold open with `exec 9>alive`. `gone` resolves when no process holds it, however it came to its
 * end: no clock is asked, and no list of processes.
 */
export class AlivePipe {
  readonly #file: FileHandle
  readonly path: string

  private constructor(file: FileHandle, path: string) {
    this.#file = file
    this.path = path
  }

  /** Begin the script with `exec 9>alive`. */
  static async make(subject: SandboxUnderTest): Promise<AlivePipe> {
    assert.equal((await ran(subject, ['mkfifo', 'alive'])).exits[0]?.code, 0, 'mkfifo works in the workspace')
    const path = join(subject.workspace, 'alive')
    // Opened for both, so that it does not wait for a writer; the copy that is read from sees the end.
    return new AlivePipe(await open(path, constants.O_RDWR | constants.O_NONBLOCK), path)
  }

  /** Call it when the command holds the pipe. */
  async gone(): Promise<void> {
    const reader = await open(this.path, constants.O_RDONLY | constants.O_NONBLOCK)
    try {
      await this.#file.close()
      const byte = new Uint8Array(1)
      for (;;) {
        try {
          if ((await reader.read(byte, 0, 1, null)).bytesRead === 0) return
        } catch (error) {
          if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) throw error
        }
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
    } finally {
      await reader.close()
    }
  }
}
