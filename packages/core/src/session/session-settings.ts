/** The settings and metadata of a session, in a document beside its journal. */
import { checkOptions, guardedRead, type OptionRule, type OptionRules, oneOf, readOptions, text } from '@beamclaw/actor/internal'
import { modelRule } from '../agent/agent.ts'
import type { SessionSettings } from '../agent/session-settings.ts'
import { deepFreeze } from '../base/deep-freeze.ts'
import { BeamClawError } from '../base/errors.ts'
import type { SessionKey, TenantId } from '../base/ids.ts'
import { jsonProblemOf } from '../base/json-problem.ts'
import { type Fail, fieldsOf, jsonOf } from '../base/message-check.ts'
import type { JsonObject } from '../base/messages.ts'
import { encodeJson } from '../defaults/json-text.ts'
import type { Store } from '../ports/store.ts'
import type { ProviderTable } from '../provider/provider-table.ts'
import { aToolList } from '../tool/tool-names.ts'
import { journalKey } from './session-names.ts'

export type { SessionSettings } from '../agent/session-settings.ts'

/** Maximum attempts of a change while another process changes the same document. */
const maxAttempts = 5

/** New values; `null` restores the agent's value. */
export type SessionSettingsPatch = { readonly [K in keyof SessionSettings]?: SessionSettings[K] | null | undefined }

/** Maximum size of the host's own metadata, in bytes of JSON. */
const maxDataBytes = 16 * 1024

const rules = {
  label: text(256),
  title: text(256),
  owner: text(256),
  data: aDataObject,
  channel: text(256),
  model: modelRule,
  thinking: oneOf('off', 'low', 'medium', 'high'),
  verbose: oneOf('off', 'on', 'full'),
  queueMode: oneOf('queue', 'steer', 'collect', 'interrupt', 'reject'),
  allowedTools: aToolList,
  deniedTools: aToolList,
  skills: (value: unknown) => (Array.isArray(value) && value.every((name) => typeof name === 'string') ? undefined : 'a list of names'),
} satisfies OptionRules<SessionSettings>

/**
 * Returns a copy of the changes. Throws `invalid-option` for invalid changes, including a model whose provider is not configured. `owner` is the
 * beginning of the message.
 */
export function checkChanges(changes: SessionSettingsPatch, providers: ProviderTable, owner = 'configure'): SessionSettingsPatch {
  const given = readOptions(owner, changes)
  for (const [name, value] of Object.entries(given)) {
    const problem = value === undefined ? undefined : guardedRead(owner, name, () => jsonProblemOf(value, name))
    if (problem !== undefined) throw invalidSettings(`${owner}: ${problem}`)
  }
  const copy = jsonOf(given, owner, invalidSettings) as SessionSettingsPatch
  const settings = withoutNulls(copy)
  const { model } = settings
  if (typeof model === 'string') providers.check(owner, 'model', model)
  checkOptions<SessionSettings>(owner, settings, rules)
  return copy
}

const invalidSettings: Fail = (problem) => new BeamClawError('invalid-option', problem)

/** Throws an error of `fail` for invalid settings; settings of later versions are left untouched. */
export function checkSettingsFields(value: unknown, fail: Fail): void {
  const settings = fieldsOf(value, 'settings', fail)
  for (const [name, rule] of Object.entries<OptionRule>(rules)) {
    const expected = settings[name] === undefined ? undefined : rule(settings[name])
    if (expected !== undefined) throw fail(`"${name}" must be ${expected}`)
  }
}

function aDataObject(value: unknown): string | undefined {
  const expected = `a JSON object of at most ${maxDataBytes} bytes`
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return expected
  try {
    const bytes = new TextEncoder().encode(encodeJson(value, Number.POSITIVE_INFINITY)).length
    return bytes <= maxDataBytes ? undefined : `${expected} (this one takes ${bytes})`
  } catch {
    return expected
  }
}

/** The settings document of one session. */
export class SettingsDocument {
  readonly #store: Store
  readonly #key: readonly [TenantId, ...string[]]
  #version = 0
  #value: SessionSettings = ownCopy({})
  #isDeleting = false
  // Changes are applied one after another.
  #changed: Promise<unknown> = Promise.resolve()

  constructor(store: Store, tenant: TenantId, key: SessionKey) {
    this.#store = store
    this.#key = [...journalKey(tenant, key), 'metadata']
  }

  /** Frozen: user code sees it, and a change to it would become durable with the next change of a setting. */
  get value(): SessionSettings {
    return this.#value
  }

  /** Reads the document again; a session without one has no settings of its own. Rejects with `log-corrupt` for invalid settings. */
  async load(): Promise<this> {
    const found = await this.#store.get(this.#key)
    const value = found?.value ?? {}
    checkStored(value)
    const { deleting, ...settings } = value as SessionSettings & { readonly deleting?: boolean }
    this.#version = found?.version ?? 0
    this.#isDeleting = deleting === true
    this.#value = ownCopy(settings)
    return this
  }

  /** False while no settings were ever stored. */
  get isStored(): boolean {
    return this.#version > 0
  }

  /** True for settings whose session was about to be deleted. If its journal is gone, the settings are deleted too. */
  get isDeleting(): boolean {
    return this.#isDeleting
  }

  /** Records that the session is about to be deleted. The settings stay, and the next change removes the mark. With `always`, also where there are none. */
  markDeleting(always = false): Promise<void> {
    return this.#inTurn(async () => {
      await this.load()
      if (this.isStored || always) await this.#put({ ...this.#value, deleting: true })
      this.#isDeleting = true
    })
  }

  /** Deletes the document. */
  delete(): Promise<void> {
    return this.#inTurn(async () => {
      await this.#store.delete(this.#key)
      this.#version = 0
      this.#value = ownCopy({})
      this.#isDeleting = false
    })
  }

  /** Resolves with all settings once the changes are durable. Concurrent changes are applied one after another. */
  change(changes: SessionSettingsPatch): Promise<SessionSettings> {
    return this.#inTurn(() => this.#change(changes))
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#changed.then(work)
    this.#changed = done.catch(() => {})
    return done
  }

  async #put(value: object): Promise<void> {
    this.#version = await this.#store.put(this.#key, value as JsonObject, { expectedVersion: this.#version })
  }

  async #change(changes: SessionSettingsPatch): Promise<SessionSettings> {
    for (let attempt = 1; ; attempt++) {
      const value = ownCopy(withoutNulls({ ...this.#value, ...changes }))
      try {
        await this.#put(value)
        this.#value = value
        this.#isDeleting = false
        return value
      } catch (error) {
        // Another process has changed other settings; both changes are kept.
        if (attempt >= maxAttempts || !BeamClawError.isInstance(error, 'version-conflict')) throw error
        await this.load()
      }
    }
  }
}

/** Returns a frozen copy, so that neither the store nor a caller shares it. */
function ownCopy(settings: SessionSettings): SessionSettings {
  return deepFreeze(JSON.parse(JSON.stringify(settings)) as SessionSettings)
}

/** Throws `log-corrupt` for a value that is not a settings document; settings of later versions are left untouched. */
function checkStored(value: unknown): void {
  checkSettingsFields(value, (problem) => new BeamClawError('log-corrupt', `The settings of a session cannot be read: ${problem}`))
}

/** Returns the changes without those that remove a setting. Throws `invalid-option` for a value that is not an object. */
export function withoutNulls(changes: SessionSettingsPatch): SessionSettings {
  if (typeof changes !== 'object' || changes === null) throw new BeamClawError('invalid-option', 'configure: expected an object')
  return Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== null && value !== undefined))
}
