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
    // A header has the scheme before the secret.
    const forms = new Set(secrets.flatMap((secret) => [secret, secret.replace(/^\s*\S+\s+/, '')]).flatMap(formsOf))
    this.#secrets = [...forms].filter(({ length }) => length >= minSecretLength).sort((a, b) => b.length - a.length)
  }

  clean(text: string, maxLength = 400): string {
    // Cut generously first, so that a huge text costs little, and again at the end, so that no secret is cut in half and missed.
    let cleaned = firstCharacters(text, 8192)
    for (const secret of this.#secrets) cleaned = cleaned.replaceAll(secret, '[redacted]')
    cleaned = cleaned.replace(tokenPattern, '[redacted]').replace(controlPattern, ' ').trim()
    return cleaned.length > maxLength ? `${firstCharacters(cleaned, maxLength)}…` : cleaned
  }
}

/** Returns a secret as services echo it: in addresses, in JSON, and in credentials. */
function formsOf(secret: string): readonly string[] {
  const bytes = new TextEncoder().encode(secret)
  const encoded = btoa(String.fromCharCode(...bytes)).replace(/=+$/, '')
  return [secret, encodeURIComponent(secret.toWellFormed()), JSON.stringify(secret).slice(1, -1), encoded]
}

/** Names of fields that hold a secret. */
const secretName = /key|token|secret|password|authorization|credential/i

/** Returns the texts below the fields of a body whose names say that they are secret, such as the token of an MCP server. */
export function secretsIn(value: unknown, isSecret = false, depth = 0): readonly string[] {
  if (typeof value === 'string') return isSecret ? [value] : []
  if (typeof value !== 'object' || value === null || depth > 64) return []
  return Object.entries(value).flatMap(([name, inner]) => secretsIn(inner, isSecret || secretName.test(name), depth + 1))
}
