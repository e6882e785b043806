/** What is known of a session besides its conversation: a document beside its journal. */
import { modelRule } from '../agent/agent.ts'
import { BeamClawError } from '../base/errors.ts'
import type { SessionKey, TenantId } from '../base/ids.ts'
import { type Fail, fieldsOf } from '../base/message-check.ts'
import type { JsonObject } from '../base/messages.ts'
import { checkOptions, type OptionRule, type OptionRules, oneOf, text } from '../base/options.ts'
import type { ThinkingLevel } from '../ports/provider.ts'
import type { Store } from '../ports/store.ts'
import type { ProviderTable } from '../provider/provider-table.ts'
import type { QueueMode } from './journal/records.ts'
import { journalKey } from './session-dependencies.ts'

/** Times that a change is tried when another process changes the same document. */
const maxAttempts = 5

/** Settings of one session. What is absent is as its agent says. */
export interface SessionSettings {
  /** A name for people. */
  readonly label?: string
  /** Where its messages come from, for example `discord:home`. */
  readonly channel?: string
  /** `<provider>/<model>`, instead of the agent's. */
  readonly model?: string
  readonly thinking?: ThinkingLevel
  /** How much of its work a client is to show. */
  readonly verbose?: 'off' | 'on' | 'full'
  readonly queueMode?: QueueMode
  /** Names of the skills the session began with. */
  readonly skills?: readonly string[]
}

/** New values; `null` goes back to what the agent says. */
export type SessionSettingsPatch = { readonly [K in keyof SessionSettings]?: SessionSettings[K] | null | undefined }

const rules = {
  label: text(256),
  channel: text(256),
  model: modelRule,
  thinking: oneOf('off', 'low', 'medium', 'high'),
  verbose: oneOf('off', 'on', 'full'),
  queueMode: oneOf('queue', 'steer', 'collect', 'interrupt', 'reject'),
  skills: (value: unknown) => (Array.isArray(value) && value.every((name) => typeof name === 'string') ? undefined : 'a list of names'),
} satisfies OptionRules<SessionSettings>

/** Throws `invalid-option` for changes that cannot be, also for a model whose provider is not configured. */
export function checkChanges(changes: SessionSettingsPatch, providers: ProviderTable): void {
  const settings = withoutNulls(changes)
  checkOptions<SessionSettings>('configure', settings, rules)
  const { model } = settings
  if (model !== undefined) providers.check('configure', 'model', model)
}

/** One session's document. */
export class SettingsDocument {
  readonly #store: Store
  readonly #key: readonly [TenantId, ...string[]]
  #version = 0
  #value: SessionSettings = {}
  // Changes are made one after the other.
  #changed: Promise<unknown> = Promise.resolve()

  constructor(store: Store, tenant: TenantId, key: SessionKey) {
    this.#store = store
    this.#key = [...journalKey(tenant, key), 'metadata']
  }

  get value(): SessionSettings {
    return this.#value
  }

  /** Reads it anew; a session without one has no settings of its own. Rejects `log-corrupt` for settings that cannot be. */
  async load(): Promise<this> {
    const found = await this.#store.get(this.#key)
    const value = found?.value ?? {}
    checkStored(value)
    this.#version = found?.version ?? 0
    this.#value = value as SessionSettings
    return this
  }

  /** Resolves with all settings once the changes are durable. Changes that come at the same time are made one after the other. */
  change(changes: SessionSettingsPatch): Promise<SessionSettings> {
    const changed = this.#changed.then(() => this.#change(changes))
    this.#changed = changed.catch(() => {})
    return changed
  }

  async #change(changes: SessionSettingsPatch): Promise<SessionSettings> {
    for (let attempt = 1; ; attempt++) {
      const value = withoutNulls({ ...this.#value, ...changes })
      try {
        this.#version = await this.#store.put(this.#key, value as JsonObject, { expectedVersion: this.#version })
        this.#value = value
        return value
      } catch (error) {
        // Another process has changed other settings: both changes hold.
        if (attempt >= maxAttempts || !BeamClawError.isInstance(error, 'version-conflict')) throw error
        await this.load()
      }
    }
  }
}

/** Throws `log-corrupt` for what is no document of settings; settings of later versions are left alone. */
function checkStored(value: unknown): void {
  const fail: Fail = (problem) => new BeamClawError('log-corrupt', `The settings of a session cannot be read: ${problem}`)
  const settings = fieldsOf(value, 'settings', fail)
  for (const [name, rule] of Object.entries<OptionRule>(rules)) {
    const expected = settings[name] === undefined ? undefined : rule(settings[name])
    if (expected !== undefined) throw fail(`"${name}" must be ${expected}`)
  }
}

function withoutNulls(changes: SessionSettingsPatch): SessionSettings {
  if (typeof changes !== 'object' || changes === null) throw new BeamClawError('invalid-option', 'configure: expected an object')
  return Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== null && value !== undefined))
}
