/** Tokens in addresses: they end up in logs and histories, and so are never taken. */

const names = ['token', 'access_token', 'api_key', 'apikey', 'key', 'auth']

/** The name of the first parameter that looks like a token. */
export function tokenParameter(query: string): string | undefined {
  return [...new URLSearchParams(query).keys()].find((name) => names.includes(name.toLowerCase()))
}
