/** What the keys of a terminal send. */
import { hintOf } from '@beamclaw/actor/internal'
import { BeamClawError } from '../base/errors.ts'

const esc = '\x1b'

const named: Readonly<Record<string, string>> = {
  Enter: '\r',
  Tab: '\t',
  'S-Tab': `${esc}[Z`,
  Space: ' ',
  Escape: esc,
  Backspace: '\x7f',
  Delete: `${esc}[3~`,
  Insert: `${esc}[2~`,
  Home: `${esc}[H`,
  End: `${esc}[F`,
  PageUp: `${esc}[5~`,
  PageDown: `${esc}[6~`,
  Up: `${esc}[A`,
  Down: `${esc}[B`,
  Right: `${esc}[C`,
  Left: `${esc}[D`,
  ...Object.fromEntries(['P', 'Q', 'R', 'S'].map((letter, index) => [`F${index + 1}`, `${esc}O${letter}`])),
  ...Object.fromEntries([15, 17, 18, 19, 20, 21, 23, 24].map((number, index) => [`F${index + 5}`, `${esc}[${number}~`])),
}

/** Names for messages. */
const shown = [...Object.keys(named), 'C-c', 'M-x']

/**
 * Returns what a terminal sends for these keys: a single character for itself, a name such as `Enter` or `Up`, `C-c` for Ctrl and `M-x` for Alt.
 * Throws `invalid-option`.
 */
export function encodeKeys(names: readonly string[]): string {
  return names.map(encodeKey).join('')
}

function encodeKey(name: string): string {
  if (Object.hasOwn(named, name)) return named[name] as string
  const isOneCharacter = typeof name === 'string' && [...name].length === 1
  if (isOneCharacter && name >= ' ') return name
  const [prefix, rest = ''] = [name.slice(0, 2), name.slice(2)]
  if (prefix === 'M-' && rest !== '') return `${esc}${encodeKey(rest)}`
  const control = prefix === 'C-' ? controlOf(rest) : undefined
  if (control !== undefined) return control
  throw new BeamClawError('invalid-option', `keys: "${name.slice(0, 32)}" is no key; ${hintOf(name.slice(0, 32), shown, 'keys')}`, {
    details: { key: name.slice(0, 32) },
  })
}

/** Ctrl takes the low five bits of `@`, a letter, `[`, `\`, `]`, `^` or `_`. */
function controlOf(key: string): string | undefined {
  if (key === 'Space') return '\x00'
  const upper = key.toUpperCase()
  return upper.length === 1 && upper >= '@' && upper <= '_' ? String.fromCharCode(upper.charCodeAt(0) & 0x1f) : undefined
}
