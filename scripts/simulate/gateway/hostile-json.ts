/** JSON as no client should send it, as text: made from a seed, and cheap to make however much it says. */
import type { Random } from '../../../packages/core/src/index.ts'
import { integerBetween, pickOne } from '../../../packages/testkit/src/seeded-random.ts'

const leaves = [
  'null',
  'true',
  '0',
  '-0',
  '1e999',
  '1e-999',
  '9007199254740993',
  '""',
  '"x"',
  '"\\u0000"',
  '"\\ud800"',
  '"__proto__"',
  '{}',
  '[]',
  '[[]]',
  '{"type":"file"}',
  '{"type":"text"}',
  '{"__proto__":{"x":1}}',
  '{"constructor":1,"toString":null}',
  '{"length":{"toString":null,"valueOf":null}}',
  '{"length":1e9}',
  '{"then":{}}',
] as const

const keys = [
  'model',
  'messages',
  'role',
  'content',
  'type',
  'id',
  'method',
  'params',
  '__proto__',
  'constructor',
  'toJSON',
  'then',
  'length',
  '',
  '0',
]

/** Any JSON, a few levels deep. */
export function anyJson(random: Random, depth = 0): string {
  const kind = depth > 4 ? 0 : integerBetween(random, 0, 4)
  if (kind < 2) return pickOne(random, leaves)
  const size = integerBetween(random, 0, 5)
  const items = Array.from({ length: size }, () => anyJson(random, depth + 1))
  if (kind === 2) return `[${items.join()}]`
  return `{${items.map((item) => `${JSON.stringify(pickOne(random, keys))}:${item}`).join()}}`
}

/** Much of one thing: wide, deep, long, or of very many names. */
export function muchJson(random: Random): string {
  const count = 10 ** integerBetween(random, 2, 6)
  switch (integerBetween(random, 0, 6)) {
    case 0:
      return `[${repeated(pickOne(random, ['{}', '[]', '0', '""', 'null', '{"role":"user","content":"x"}']), count)}]`
    case 1:
      return '['.repeat(count) + ']'.repeat(count)
    case 2:
      return '{"a":'.repeat(count)
    case 3:
      return JSON.stringify(pickOne(random, ['x', '\\', '"', '\u0000', '😀']).repeat(count))
    case 4:
      return `{${Array.from({ length: Math.min(count, 300_000) }, (_, index) => `"k${index}":0`).join()}}`
    case 5:
      return `"${'\\u0041'.repeat(count)}"`
    default:
      return `${'9'.repeat(count)}`
  }
}

/** JSON with some of its characters changed, left out or twice. */
export function damaged(random: Random, text: string): string {
  let result = text
  for (let round = integerBetween(random, 1, 4); round > 0; round--) {
    const at = integerBetween(random, 0, result.length)
    const to = at + integerBetween(random, 0, 3)
    result =
      result.slice(0, at) +
      pickOne(random, ['', '"', '{', '[', ']', '}', ',', ':', '\\', '\u0000', '\ud800', result.slice(at, to)]) +
      result.slice(to)
  }
  return result
}

/** One value of the JSON object replaced by something else, or one more. */
export function withOdd(random: Random, value: Readonly<Record<string, unknown>>): string {
  const entries = Object.entries(value).map(([name, item]) => [name, JSON.stringify(item)] as const)
  const name = pickOne(random, [...entries.map(([known]) => known), ...keys])
  const odd = random.next() < 0.3 ? muchJson(random) : anyJson(random)
  const rest = entries.filter(([known]) => known !== name).map(([known, text]) => `${JSON.stringify(known)}:${text}`)
  return `{${[...rest, `${JSON.stringify(name)}:${odd}`].join()}}`
}

function repeated(text: string, count: number): string {
  return `${`${text},`.repeat(count - 1)}${text}`
}
