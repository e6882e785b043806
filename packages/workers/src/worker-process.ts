/** The process of one worker. */
import { type ChildProcess, fork } from 'node:child_process'
import type { NodeRef, TimerHandle } from '@beamclaw/core'
import { placeVariable } from './inherited-place.ts'
import { ipcLine, type Line } from './line.ts'

export interface WorkerProcessOptions {
  readonly ref: NodeRef
  readonly entry: string
  readonly args: readonly string[]
  readonly execArgv: readonly string[]
  readonly environment: Readonly<Record<string, string | undefined>>
}

/** How a process has ended: by its code, or by a signal. */
export type WorkerEnd = number | NodeJS.Signals

/** Silent looks after which a worker is taken for dead; before its first word, while it loads its modules, so many times as many. */
const mostSilent = 10
const loadingFactor = 6

/**
 * Phases: `running → ended`. I1: a worker that says nothing for so long is ended first and reported then: the locks of its shards go with its process.
 */
export class WorkerProcess {
  readonly ref: NodeRef
  readonly line: Line
  /** Resolves once the process has ended. */
  readonly ended: Promise<WorkerEnd>
  readonly #child: ChildProcess
  #silentLooks = 0
  #hasSpoken = false
  #watch: TimerHandle | undefined

  constructor({ ref, entry, args, execArgv, environment }: WorkerProcessOptions) {
    this.ref = ref
    this.#child = fork(entry, [...args], {
      execArgv: [...execArgv],
      serialization: 'advanced',
      env: { ...environment, ...placeVariable(ref) },
    })
    this.line = ipcLine(this.#child)
    this.ended = new Promise((resolve) => {
      this.#child.once('exit', (code, signal) => this.#end(resolve, code ?? signal ?? 1))
      // A program that could not be started has no exit.
      this.#child.once('error', () => {
        if (this.#child.pid === undefined) this.#end(resolve, 1)
      })
    })
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  /** Begins to ask whether it is alive; `onSilent` is called before it is ended. The time is counted in looks: a machine that slept is no worker that hangs. */
  watch(setTimer: (callback: () => void, delayMs: number) => TimerHandle, silentMs: number, onSilent: () => void): void {
    const look = (): void => {
      if (++this.#silentLooks > (this.#hasSpoken ? mostSilent : mostSilent * loadingFactor)) {
        onSilent()
        this.kill('SIGKILL')
        return
      }
      this.line.send({ t: 'ping' })
      this.#watch = setTimer(look, silentMs / mostSilent)
    }
    this.#watch = setTimer(look, silentMs / mostSilent)
  }

  /** It has said something. */
  heard(): void {
    this.#silentLooks = 0
    this.#hasSpoken = true
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  #end(resolve: (end: WorkerEnd) => void, end: WorkerEnd): void {
    this.#watch?.cancel()
    resolve(end)
  }
}
