/**
 * Detects deadlocks of sessions: a tool that waits, directly or through other sessions, for the run that called it would wait until its timeout.
 *
 * Owns the graph of waits between sessions, and the site of each tool that runs.
 * I1: An edge of the graph counts the waits of tools that still run and were not told to stop.
 * I2: The async context is enabled only while a tool runs.
 */
import { BeamClawError } from '../base/errors.ts'
import type { SessionKey } from '../base/ids.ts'

/** The tool on whose behalf code runs. */
interface ToolSite {
  readonly sessionKey: SessionKey
  readonly signal: AbortSignal
  /** Ends each wait of this tool; undefined once the tool is over. */
  waits: Set<() => void> | undefined
}

/** The part of `AsyncLocalStorage` that is used here. */
interface AsyncVariable<T> {
  run<R>(value: T, work: () => R): R
  getStore(): T | undefined
  disable(): void
}

export class RunWaits {
  // Undefined on platforms without it: no deadlock is detected there, and a tool that waits for itself ends with its timeout.
  readonly #site: AsyncVariable<ToolSite> | undefined = asyncVariable()
  // For each session the sessions that its tools wait for, with the number of waits.
  readonly #waitsFor = new Map<SessionKey, Map<SessionKey, number>>()
  #tools = 0

  /** Runs a tool; all code that it calls has its session in the async context. */
  async runTool<T>(tool: { readonly sessionKey: SessionKey; readonly signal: AbortSignal }, work: () => Promise<T>): Promise<T> {
    const site: ToolSite = { ...tool, waits: new Set() }
    const endWaits = (): void => {
      for (const end of site.waits ?? []) end()
      site.waits = undefined
    }
    // A tool that was told to stop no longer blocks its run, even when it ignores the signal.
    tool.signal.addEventListener('abort', endWaits, { once: true })
    if (tool.signal.aborted) endWaits()
    this.#tools++
    try {
      return await (this.#site?.run(site, work) ?? work())
    } finally {
      tool.signal.removeEventListener('abort', endWaits)
      endWaits()
      // The async context makes every promise of the process slower, so it is enabled only while a tool runs.
      if (--this.#tools === 0) this.#site?.disable()
    }
  }

  /**
   * Registers that the calling tool waits for a run of `target`. Returns a function that ends the wait. Throws `call-cycle` when that run would
   * have to wait for the tool's own run.
   */
  begin(target: SessionKey): () => void {
    const site = this.#site?.getStore()
    const waits = site?.waits
    if (site === undefined || waits === undefined) return () => {}
    const path = this.#path(target, site.sessionKey, new Set())
    if (path !== undefined) throw callCycle([site.sessionKey, ...path])
    this.#count(site.sessionKey, target, 1)
    const end = (): void => {
      if (waits.delete(end)) this.#count(site.sessionKey, target, -1)
    }
    waits.add(end)
    return end
  }

  /** Returns the sessions on the path from one to another along the waits of their tools; undefined when there is no path. */
  #path(from: SessionKey, to: SessionKey, seen: Set<SessionKey>): SessionKey[] | undefined {
    if (from === to) return [from]
    seen.add(from)
    for (const next of this.#waitsFor.get(from)?.keys() ?? []) {
      const rest = seen.has(next) ? undefined : this.#path(next, to, seen)
      if (rest !== undefined) return [from, ...rest]
    }
    return undefined
  }

  #count(from: SessionKey, to: SessionKey, change: 1 | -1): void {
    const targets = this.#waitsFor.get(from) ?? new Map<SessionKey, number>()
    const count = (targets.get(to) ?? 0) + change
    if (count > 0) targets.set(to, count)
    else targets.delete(to)
    if (targets.size > 0) this.#waitsFor.set(from, targets)
    else this.#waitsFor.delete(from)
  }
}

function callCycle(path: readonly SessionKey[]): BeamClawError {
  const problem = `A tool of session "${path[0]}" would wait for its own run: ${path.join(' → ')}`
  return new BeamClawError('call-cycle', `${problem}. Send the message without waiting for its result, or to another session.`, {
    details: { path },
  })
}

/** Returns an `AsyncLocalStorage`; undefined on platforms without it. */
function asyncVariable<T>(): AsyncVariable<T> | undefined {
  const { process } = globalThis as { readonly process?: { readonly getBuiltinModule?: (name: string) => unknown } }
  const hooks = process?.getBuiltinModule?.('node:async_hooks') as { readonly AsyncLocalStorage: new () => AsyncVariable<T> } | undefined
  return hooks === undefined ? undefined : new hooks.AsyncLocalStorage()
}
