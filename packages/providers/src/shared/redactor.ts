/** Removes secrets from untrusted text and limits its length. */
import { firstCharacters } from '@beamclaw/core/adapter'

// The form of API keys and bearer tokens: a gateway may echo one that is not in our options.
const tokenPattern = /\b(?:sk|pk|rk|key|gsk|xai)-[\w-]{8,}|\b(?:bearer|basic)\s+[\w.~+/=-]{8,}|\/\/[^\s/@:]{0,256}:[^\s/@]{0,256}@/gi
const controlPattern = /[\p{Cc}\p{Zl}\p{Zp}]+/gu

// A shorter value is too likely to be part of an ordinary word.
const minSecretLength = 6

/** Knows the secrets of one provider; `clean` returns text that is safe for errors and logs. */
export class Redactor {
  readonly #secrets: readonly string[]

  constructor(secrets: readonly string[]) {
    this.#secrets = secrets.filter(({ length }) => length >= minSecretLength).sort((a, b) => b.length - a.length)
  }

  clean(text: string, maxLength = 400): string {
    // Cut generously first, so that a huge text costs little, and again at the end, so that no secret is cut in half and missed.
    let cleaned = firstCharacters(text, 8192)
    for (const secret of this.#secrets) cleaned = cleaned.replaceAll(secret, '[redacted]')
    cleaned = cleaned.replace(tokenPattern, '[redacted]').replace(controlPattern, ' ').trim()
    return cleaned.length > maxLength ? `${firstCharacters(cleaned, maxLength)}…` : cleaned
  }
}
