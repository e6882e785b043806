/** Settings that all nodes of a cluster have in common: one document in their store. */
import type { SystemServices, TimerHandle } from '@beamclaw/actor'
import { anObject, definedOnly, invalidOption } from '@beamclaw/actor/internal'
import { deepFreeze } from '../base/deep-freeze.ts'
import { BeamClawError, describeError } from '../base/errors.ts'
import type { JsonObject, JsonValue } from '../base/messages.ts'
import { encodeJson } from '../defaults/json-text.ts'
import type { Cluster } from '../ports/cluster.ts'
import type { Store } from '../ports/store.ts'
import type { StoreKey } from '../ports/store-key.ts'
import { checkFunction } from './check-input.ts'

/** The settings at one version. Frozen. */
export interface SettingsVersion {
  /** 0 while there are none; each update adds 1. */
  readonly version: number
  readonly value: JsonObject
}

/** How far a node is with the settings. */
export interface SettingsStatus {
  /** The newest one that each of its listeners is done with; 0 while one has not ended its first call. */
  readonly version: number
  /** Why a listener could not apply this version; absent when all did. */
  readonly problem?: string
}

/** What a `ClusterSettings` needs. */
export interface ClusterSettingsOptions {
  readonly store: Pick<Store, 'get' | 'put'>
  readonly key: StoreKey
  readonly cluster: Cluster
  readonly services: SystemServices
}

interface Listener {
  readonly call: (settings: SettingsVersion) => unknown
  told?: SettingsVersion
  /** The version of the last call that has ended. */
  done: number
  problem?: string | undefined
  /** Resolves once its last call has ended. */
  turn: Promise<void>
}

/** Maximum UTF-8 bytes of the document. */
const maxBytes = 262_144

/** Milliseconds between two looks at the store while the node listens. */
const lookEveryMs = 15_000

/** How often an update is tried when other nodes are quicker. */
const maxTries = 20

/**
 * One JSON object that all nodes of the cluster have in common, at `running.cluster.settings`. It is in their store, under the first tenant, and has a version.
 *
 * Phases: `open → stopped`, with the BeamClaw. Owns the listeners of this node, and a timer while there are any.
 * I1: Reads and updates of this node are carried out one after another, so that what they find is never older than what was found before.
 * I2: A listener has the newest version that this node knows at the latest 15 s after its update, unless the store cannot be read. It is called with one at a
 * time, and may miss versions in between.
 *
 * @example
 * running.cluster.settings.on(({ value }) => { isPaused = value.isPaused === true })
 * await running.cluster.settings.update((current) => ({ ...current, isPaused: true }))
 */
export class ClusterSettings {
  readonly #options: ClusterSettingsOptions
  readonly #listeners = new Set<Listener>()
  #known: SettingsVersion | undefined
  #text = ''
  #turn: Promise<unknown> = Promise.resolve()
  #timer: TimerHandle | undefined
  #isStopped = false

  /** Made by core. */
  constructor(options: ClusterSettingsOptions) {
    this.#options = options
  }

  /** How far this node is; undefined while it does not listen, and before it has read them. */
  get status(): SettingsStatus | undefined {
    if (this.#listeners.size === 0 || this.#known === undefined) return undefined
    const problem = [...this.#listeners].find((listener) => listener.problem !== undefined)?.problem
    return { version: Math.min(...[...this.#listeners].map(({ done }) => done)), ...definedOnly({ problem }) }
  }

  /** Resolves with the settings in the store; `{}` at version 0 where there are none. Rejects as the store does. */
  read(): Promise<SettingsVersion> {
    return this.#inTurn(() => this.#look())
  }

  /**
   * Replaces the settings by what `change` returns for those in the store: a JSON object of at most 256 KiB. Called again when another node was quicker.
   * Resolves with the new ones once they are durable; the other nodes are told. Rejects `invalid-option`, `invalid-message` for what is no JSON,
   * `document-too-large`, with the error that `change` throws, `version-conflict` when 20 tries were in vain, and as the store does.
   *
   * @example
   * const { version } = await running.cluster.settings.update((current) => ({ ...current, maxRuns: 40 }))
   */
  async update(change: (current: JsonObject) => JsonObject): Promise<SettingsVersion> {
    checkFunction('ClusterSettings.update', 'change', change)
    return this.#inTurn(async () => {
      const { store, key, cluster, services } = this.#options
      for (let tries = 1; ; tries++) {
        const { version, value } = await this.#look()
        const next = change(value)
        if (anObject(next) !== undefined) throw invalidOption('ClusterSettings.update', 'change()', 'an object', next)
        const copy = JSON.parse(encodeJson(next, maxBytes)) as JsonObject
        try {
          const settings = this.#saw(await store.put(key, copy, { expectedVersion: version }), copy)
          for (const node of cluster.members) if (node.incarnation !== cluster.self.incarnation) cluster.tell(node, { type: 'settings' })
          return settings
        } catch (error) {
          if (!BeamClawError.isInstance(error, 'version-conflict') || tries === maxTries) throw error
          await new Promise<void>((resolve) => services.clock.setTimer(resolve, services.random.next() * 10 * tries))
        }
      }
    })
  }

  /**
   * Calls `listener` with the present settings, then with each newer version at whichever node it was made. Returns what ends that. What the listener throws,
   * or rejects with, is logged, and is in `running.cluster.status()` as the problem of this node until a later version is applied. Throws `invalid-option`.
   *
   * @example
   * const off = running.cluster.settings.on(async ({ value }) => limiter.configure(value.limits))
   */
  on(listener: (settings: SettingsVersion) => unknown): () => void {
    checkFunction('ClusterSettings.on', 'listener', listener)
    if (this.#isStopped) return () => {}
    const entry: Listener = { call: listener, done: 0, turn: Promise.resolve() }
    this.#listeners.add(entry)
    this.#refresh()
    return () => {
      this.#listeners.delete(entry)
      if (this.#listeners.size === 0) this.#timer?.cancel()
    }
  }

  /** Takes that another node has made a version. */
  take(body: JsonValue): void {
    if ((body as JsonObject | null)?.type === 'settings') this.#refresh()
  }

  /** Ends all listening, for good. */
  stop(): void {
    this.#isStopped = true
    this.#listeners.clear()
    this.#timer?.cancel()
  }

  /** Looks into the store, now and every 15 s, while there are listeners. */
  #refresh(): void {
    const { clock, logger } = this.#options.services
    this.#timer?.cancel()
    if (this.#listeners.size === 0) return
    this.#timer = clock.setTimer(() => this.#refresh(), lookEveryMs, true)
    this.read().catch((error: unknown) => logger.log('warn', 'settings.not-read', { error: describeError(error) }))
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work)
    this.#turn = result.catch(() => {})
    return result
  }

  async #look(): Promise<SettingsVersion> {
    const { store, key } = this.#options
    const { version = 0, value = {} } = (await store.get(key)) ?? {}
    return this.#saw(version, anObject(value) === undefined ? (value as JsonObject) : {})
  }

  /** Tells the listeners what is new. A store that has lost its last writes may have another document under a version that is known. */
  #saw(version: number, value: JsonObject): SettingsVersion {
    const text = JSON.stringify(value)
    if (this.#known?.version !== version || this.#text !== text) {
      this.#known = deepFreeze({ version, value })
      this.#text = text
    }
    for (const listener of this.#listeners) this.#tell(listener)
    return this.#known
  }

  /** Calls the listener outside the work of the caller, and after its last call has ended. */
  #tell(listener: Listener): void {
    if (listener.told === this.#known) return
    listener.turn = listener.turn.then(async () => {
      const settings = this.#known
      if (settings === undefined || settings === listener.told || !this.#listeners.has(listener)) return
      listener.told = settings
      listener.problem = undefined
      try {
        await listener.call(settings)
      } catch (error) {
        listener.problem = describeError(error).slice(0, 256)
        this.#options.services.logger.log('error', 'settings.not-applied', { version: settings.version, error: listener.problem })
      }
      listener.done = settings.version
    })
  }
}
