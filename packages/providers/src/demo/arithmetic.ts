/** Sums for the demo model: `2+3*4`, `(1.5 - 2)/3`, and durations such as `90m + 1h`. A small parser; nothing is evaluated as code. */

const unitSeconds = new Map([
  ['s', 1],
  ['sec', 1],
  ['second', 1],
  ['seconds', 1],
  ['m', 60],
  ['min', 60],
  ['minute', 60],
  ['minutes', 60],
  ['h', 3600],
  ['hour', 3600],
  ['hours', 3600],
  ['d', 86_400],
  ['day', 86_400],
  ['days', 86_400],
])

/** A number of seconds when `isDuration`, otherwise a plain number. */
interface Quantity {
  readonly value: number
  readonly isDuration: boolean
}

const number = '\\d+(?:\\.\\d+)?(?:\\s?(?:seconds?|sec|minutes?|min|hours?|days?|[smhd])\\b)?'
const operand = `[-+]?\\(*\\s*${number}\\s*\\)*`
// At least one operator between two operands; the input is capped, so the pattern cannot run long.
const sumPattern = new RegExp(`${operand}(?:\\s*[-+*/x×÷]\\s*${operand})+`, 'i')
const datePattern = /^\d{4}[-/]\d{1,2}[-/]\d{1,2}$/
const maxTextLength = 200

/** Returns the first valid sum in `text` and its result; `undefined` when there is none. */
export function findSum(text: string): { readonly sum: string; readonly answer: string } | undefined {
  const sum = sumPattern.exec(text.slice(0, maxTextLength))?.[0].trim()
  if (sum === undefined || datePattern.test(sum)) return undefined
  const tokens = sum.match(new RegExp(`${number}|[-+*/x×÷()]`, 'gi')) ?? []
  const parser = new SumParser(tokens)
  const result = parser.parse()
  if (result === undefined || !Number.isFinite(result.value)) return undefined
  return { sum, answer: result.isDuration ? showDuration(result.value) : String(Number(result.value.toPrecision(12))) }
}

class SumParser {
  readonly #tokens: readonly string[]
  #position = 0

  constructor(tokens: readonly string[]) {
    this.#tokens = tokens
  }

  parse(): Quantity | undefined {
    const result = this.#sum()
    return this.#position === this.#tokens.length ? result : undefined
  }

  #sum(): Quantity | undefined {
    let left = this.#product()
    for (let operator = this.#take('+', '-'); left !== undefined && operator !== undefined; operator = this.#take('+', '-')) {
      const right = this.#product()
      if (right === undefined || right.isDuration !== left.isDuration) return undefined
      left = { value: operator === '+' ? left.value + right.value : left.value - right.value, isDuration: left.isDuration }
    }
    return left
  }

  #product(): Quantity | undefined {
    const times = ['*', 'x', 'X', '×', '/', '÷']
    let left = this.#signed()
    for (let operator = this.#take(...times); left !== undefined && operator !== undefined; operator = this.#take(...times)) {
      const right = this.#signed()
      if (right === undefined) return undefined
      left = operator === '/' || operator === '÷' ? divide(left, right) : multiply(left, right)
    }
    return left
  }

  #signed(): Quantity | undefined {
    const sign = this.#take('+', '-')
    const quantity = this.#quantity()
    return quantity !== undefined && sign === '-' ? { ...quantity, value: -quantity.value } : quantity
  }

  #quantity(): Quantity | undefined {
    if (this.#take('(') !== undefined) {
      const inner = this.#sum()
      return this.#take(')') === undefined ? undefined : inner
    }
    const match = /^(\d+(?:\.\d+)?)\s?([a-z]*)$/i.exec(this.#tokens[this.#position] ?? '')
    if (match === null) return undefined
    this.#position++
    const seconds = unitSeconds.get((match[2] ?? '').toLowerCase())
    return { value: Number(match[1]) * (seconds ?? 1), isDuration: seconds !== undefined }
  }

  #take(...wanted: readonly string[]): string | undefined {
    const token = this.#tokens[this.#position]
    if (token === undefined || !wanted.includes(token)) return undefined
    this.#position++
    return token
  }
}

function multiply(left: Quantity, right: Quantity): Quantity | undefined {
  if (left.isDuration && right.isDuration) return undefined
  return { value: left.value * right.value, isDuration: left.isDuration || right.isDuration }
}

function divide(left: Quantity, right: Quantity): Quantity | undefined {
  if (right.isDuration && !left.isDuration) return undefined
  return { value: left.value / right.value, isDuration: left.isDuration && !right.isDuration }
}

function showDuration(seconds: number): string {
  const parts: string[] = []
  let rest = Math.abs(seconds)
  for (const [unit, size] of [
    ['d', 86_400],
    ['h', 3600],
    ['min', 60],
  ] as const) {
    const count = Math.floor(rest / size)
    if (count > 0) parts.push(`${count} ${unit}`)
    rest -= count * size
  }
  if (rest > 0 || parts.length === 0) parts.push(`${Number(rest.toFixed(3))} s`)
  return `${seconds < 0 ? '-' : ''}${parts.join(' ')}`
}
