/** Output of commands: tables and lines for people, JSON for programs. */
import { styleText } from 'node:util'

type Style = Parameters<typeof styleText>[0]

/** Returns the text, in colour on a terminal with colours. */
export function coloured(style: Style, text: string): string {
  return styleText(style, text, { stream: process.stdout })
}

/** Prints one line of text. */
export function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

/** Prints a value as one line of JSON. */
export function sayJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`)
}

/** Prints indented text, wrapped at the width of the terminal. */
export function sayIndented(text: string): void {
  for (const line of text.split('\n'))
    for (const part of wrapped(line, (process.stdout.columns ?? Number.POSITIVE_INFINITY) - indent.length)) say(`${indent}${part}`)
}

const indent = '  '

/** Returns the line in parts that are no wider than `width`, broken at spaces if possible. Only those spaces are dropped. */
export function wrapped(line: string, width: number): readonly string[] {
  const parts: string[] = []
  let rest = line
  while (rest.length > width && width >= minWidth) {
    const space = rest.lastIndexOf(' ', width)
    const end = space > 0 ? space : wholeCharacters(rest, width)
    parts.push(rest.slice(0, end))
    rest = rest.slice(space > 0 ? end + 1 : end)
  }
  return [...parts, rest]
}

/** On narrower terminals lines are not wrapped. */
const minWidth = 20

function wholeCharacters(text: string, width: number): number {
  const last = text.charCodeAt(width - 1)
  return last >= 0xd800 && last <= 0xdbff ? width - 1 : width
}

/** Prints rows below their headings, each column as wide as its widest cell. */
export function sayTable(headings: readonly string[], rows: readonly (readonly string[])[]): void {
  const widths = headings.map((heading, column) => Math.max(heading.length, ...rows.map((row) => (row[column] ?? '').length)))
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd()
  say(coloured('dim', line(headings)))
  for (const row of rows) say(line(row))
}

/** Returns a date and time in the time zone of this machine. */
export function shownTime(milliseconds: number): string {
  const date = new Date(milliseconds)
  const two = (value: number): string => String(value).padStart(2, '0')
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
}

/** Returns a duration in its two largest units. */
export function shownDuration(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1_000)
  const parts = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3_600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    [seconds % 60, 's'],
  ] as const
  const first = parts.findIndex(([amount]) => amount > 0)
  if (first < 0) return '0 s'
  return parts
    .slice(first, first + 2)
    .filter(([amount]) => amount > 0)
    .map(([amount, unit]) => `${amount} ${unit}`)
    .join(' ')
}

// Untrusted text must not control the terminal (escape sequences).
const controls = /[^\P{Cc}\n\t]/gu

/** Returns untrusted text without control characters. */
export function harmless(text: string): string {
  return text.replace(controls, '')
}

// Control characters of all kinds, line separators, marks that turn the direction of text, and halves of surrogate pairs.
const unsafe = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/gu

/** Returns untrusted text as one line in which everything that could control a terminal is visible, as `\u001b` and so on. */
export function visible(text: string): string {
  return text.replace(unsafe, (character) => shortEscapes.get(character) ?? escaped(character))
}

/** Returns a value as one line of JSON in which nothing can control a terminal. */
export function visibleJson(value: unknown): string {
  return JSON.stringify(value).replace(unsafe, escaped)
}

const shortEscapes = new Map([
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
])

function escaped(character: string): string {
  return `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`
}

/** Returns a number of bytes in the largest fitting unit. */
export function shownBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let [value, unit] = [bytes, 0]
  while (value >= 1_000 && unit < units.length - 1) {
    value /= 1_000
    unit += 1
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`
}

/** Returns for how long something has run, or ran. */
export function shownAge({ startedAtMs, endedAtMs }: { readonly startedAtMs: number; readonly endedAtMs?: number | undefined }): string {
  return shownDuration(Math.max(0, (endedAtMs ?? Date.now()) - startedAtMs))
}

/** Returns a number of things, such as `2 logs`. */
export function many(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}
