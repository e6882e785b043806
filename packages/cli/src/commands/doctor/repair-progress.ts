/** How far a repair is, on standard error: one line that changes on a terminal, lines now and then elsewhere, lines of JSON for programs. */
import type { RebuildListsProgress } from '@beamclaw/core/adapter'
import type { CheckedFiles } from '@beamclaw/store-fs'
import { shownBytes, visible } from '../../output.ts'

const terminalMs = 200
const jsonMs = 1_000
const otherMs = 5_000

export class RepairProgress {
  readonly #isJson: boolean
  readonly #isTerminal = process.stderr.isTTY === true
  readonly #everyMs: number
  #shownAt = Number.NEGATIVE_INFINITY
  #isShown = false
  #begun: { readonly tenant: string; readonly at: number } | undefined

  constructor(isJson: boolean) {
    this.#isJson = isJson
    this.#everyMs = isJson ? jsonMs : this.#isTerminal ? terminalMs : otherMs
    this.#shownAt = isJson ? this.#shownAt : performance.now()
  }

  files(checked: CheckedFiles): void {
    const { documents, blobs, logs, bytes } = checked
    this.#show({ step: 'files', ...checked }, `looking at files: ${documents + blobs + logs}, ${shownBytes(bytes)} of journals`, false)
  }

  sessions(tenant: string, { done, total, withWork, unreadable }: RebuildListsProgress): void {
    if (this.#begun?.tenant !== tenant) this.#begun = { tenant, at: performance.now() }
    const seconds = (performance.now() - this.#begun.at) / 1_000
    const perSecond = seconds > 0 ? Math.round(done / seconds) : 0
    const text = `${visible(tenant)}: ${done} of ${total} sessions, ${perSecond} a second`
    this.#show({ step: 'sessions', tenant, done, total, withWork, unreadable, perSecond }, text, done >= total || done === 0)
  }

  clear(): void {
    if (this.#isShown) process.stderr.write('\r\x1b[K')
    this.#isShown = false
  }

  #show(fields: object, text: string, isMark: boolean): void {
    const now = performance.now()
    // The first and the last line of a tenant are for programs in any case.
    if (!(this.#isJson && isMark) && now - this.#shownAt < this.#everyMs) return
    this.#shownAt = now
    if (this.#isJson) process.stderr.write(`${JSON.stringify({ type: 'progress', ...fields })}\n`)
    else if (this.#isTerminal) {
      this.#isShown = true
      process.stderr.write(`\r\x1b[K${text}`)
    } else process.stderr.write(`${text}\n`)
  }
}
