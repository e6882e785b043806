/** The check of each new connection: whose data is under the prefix, and on which server. */
import { randomUUID } from 'node:crypto'
import type { BeamClawError, Logger } from '@beamclaw/core'
import { refusedServer, storeReplaced } from './failures.ts'
import type { Guard } from './guarded-script.ts'
import { storeName } from './key-names.ts'
import type { BareClient, RedisLink } from './redis-link.ts'
import { identifyScript } from './scripts.ts'
import { checkServer, durabilityWarning, readReplicasToWrite, readServerFacts, replicaWarning, type ServerWarning } from './server-facts.ts'

/** What an identity is checked with. */
export interface StoreIdentityOptions {
  readonly prefix: string
  /** How the server was found. */
  readonly kind: 'single' | 'sentinel' | 'cluster'
  readonly expectedId: string | undefined
  readonly logger: Logger | undefined
  readonly onReplaced: (error: BeamClawError) => void
}

const format = '1'

/**
 * Phases: `unknown → known → replaced`. Owns the id of the store: what was there at the first connection must be there at every later one.
 */
export class StoreIdentity {
  readonly #options: StoreIdentityOptions
  #id: string | undefined
  #runId: string | undefined
  readonly #told = new Set<string>()

  constructor(options: StoreIdentityOptions) {
    this.#options = options
    this.#id = options.expectedId
  }

  /** The id of the store, once a connection was checked. */
  get id(): string | undefined {
    return this.#id
  }

  /** What scripts that write compare. Throws `store-replaced` before a check has found the store. */
  get guard(): Guard {
    if (this.#id === undefined) throw storeReplaced('The store is not known yet')
    return { key: storeName(this.#options.prefix), id: this.#id }
  }

  /** Rejects `store-io` for a server that must not be used as it is, `store-replaced` for other data than this store had. */
  async check(bare: BareClient): Promise<void> {
    const facts = await readServerFacts(bare)
    const { logger, kind } = this.#options
    checkServer(facts, kind)
    await this.#identify(bare)
    if (this.#runId !== undefined && this.#runId !== facts.runId) {
      logger?.log('warn', 'store-redis.restarted', { problem: 'The connection leads to another start of Redis, or to another server' })
    }
    this.#runId = facts.runId
    this.#warn(durabilityWarning(facts))
    // A failover without such a replica forgets what was acknowledged.
    if (kind !== 'single') this.#warn(replicaWarning(await readReplicasToWrite(bare)))
  }

  /**
   * Rejects as `check` does when the server holds other data by now. A server may be emptied, or get other data, while its connections stay open: what is
   * missing there says nothing about this store.
   */
  async confirm(link: Pick<RedisLink, 'readScript'>): Promise<void> {
    await this.#identify({ script: (script, keys, args) => link.readScript('checking the store', script, keys, args) })
  }

  #warn(warning: ServerWarning | undefined): void {
    if (warning === undefined || this.#told.has(warning.event)) return
    this.#told.add(warning.event)
    this.#options.logger?.log('warn', warning.event, { problem: warning.problem })
  }

  async #identify(bare: Pick<BareClient, 'script'>): Promise<void> {
    const { prefix, onReplaced } = this.#options
    const name = storeName(prefix)
    const reply = await bare.script(identifyScript, [name], [randomUUID(), this.#id ?? '']).catch((error: unknown) => {
      if (error instanceof Error && error.message.includes('WRONGTYPE')) return ['another application']
      throw error
    })
    const [application, id, version] = reply as readonly (string | null)[]
    if (application !== null && (application !== 'beamclaw' || typeof id !== 'string')) {
      throw refusedServer('prefix', `The key "${name}" belongs to another application. Set another "prefix"`)
    }
    if (application !== null && version !== format) {
      throw refusedServer('format', `The store under "${prefix}" has format ${version}, this version reads ${format}. Update BeamClaw`)
    }
    if (this.#id === undefined || this.#id === id) {
      this.#id = id ?? undefined
      return
    }
    const found = id === null || id === undefined ? 'Redis is empty' : `Redis holds the store ${id}`
    const problem = `${found}, expected the store ${this.#id}. Restore the data or the address; then start the program again`
    const error = storeReplaced(problem, { expected: this.#id, found: id ?? undefined })
    onReplaced(error)
    throw error
  }
}
