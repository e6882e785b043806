/** Tokens in URLs are rejected, because URLs end up in logs and browser histories. */

const names = ['token', 'access_token', 'api_key', 'apikey', 'key', 'auth']

/** Returns the name of the first query parameter that looks like a token. */
export function tokenParameter(query: string): string | undefined {
  return [...new URLSearchParams(query).keys()].find((name) => names.includes(name.toLowerCase()))
}
