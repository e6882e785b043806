/** Which session waits for which: a tool that waits, by whatever way, for the run it works for would wait until its time is up. */
import { BeamClawError } from '../base/errors.ts'
import type { SessionKey } from '../base/ids.ts'

/** The tool that code runs for. */
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
  // Undefined where the platform has no such thing: nothing is found there, and a tool that waits for itself ends with its timeout.
  readonly #site: AsyncVariable<ToolSite> | undefined = asyncVariable()
  // For each session the sessions that its tools wait for, and how many times.
  readonly #waitsFor = new Map<SessionKey, Map<SessionKey, number>>()
  #tools = 0

  /** Runs a tool; whatever it calls knows for which session it works. */
  async runTool<T>(tool: { readonly sessionKey: SessionKey; readonly signal: AbortSignal }, work: () => Promise<T>): Promise<T> {
    const site: ToolSite = { ...tool, waits: new Set() }
    const endWaits = (): void => {
      for (const end of site.waits ?? []) end()
      site.waits = undefined
    }
    // A tool that was told to stop holds up nobody any more, whether it listens or not.
    tool.signal.addEventListener('abort', endWaits, { once: true })
    if (tool.signal.aborted) endWaits()
    this.#tools++
    try {
      return await (this.#site?.run(site, work) ?? work())
    } finally {
      tool.signal.removeEventListener('abort', endWaits)
      endWaits()
      // It costs something on every promise of the process, so it is on only while a tool is under way.
      if (--this.#tools === 0) this.#site?.disable()
    }
  }

  /**
   * Called before a run of `target` that is not over is waited for. Returns a function that ends the waiting. Throws `call-cycle` when a tool asks
   * whose own run has to end first.
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

  /** Returns the sessions on the way from one to another along what their tools wait for, or undefined where there is no way. */
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

/** Returns what carries a value along with asynchronous work, on platforms that have it. */
function asyncVariable<T>(): AsyncVariable<T> | undefined {
  const { process } = globalThis as { readonly process?: { readonly getBuiltinModule?: (name: string) => unknown } }
  const hooks = process?.getBuiltinModule?.('node:async_hooks') as { readonly AsyncLocalStorage: new () => AsyncVariable<T> } | undefined
  return hooks === undefined ? undefined : new hooks.AsyncLocalStorage()
}
