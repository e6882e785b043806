/** The user messages of one conversation as its requests contain them: none may be missing unless a complete summary covers it. */

/** Marks a user's message. */
export function messageMark(number: number): string {
  return `#m${number}#`
}

export class WhatWasSaid {
  /** Marks of the messages that were seen. */
  #known = new Set<string>()
  /** By the mark of a whole summary, what it takes in. */
  readonly #takenIn = new Map<string, ReadonlySet<string>>()
  #transcript: ReadonlySet<string> = new Set()
  #summaries = 0
  /** The summary that the last request for one was answered with. */
  #given = ''
  #overflows = 0
  /** Marks of requests that did not fit though there was much to sum up, and no summary was asked for since. */
  readonly #unsummed = new Set<string>()
  /** A summary was asked for, and no other request has been answered since: once for a turn is what is promised. */
  #isJustSummed = false

  /** Returns the rule that an ordinary request breaks. */
  asked(body: string): string | undefined {
    const seen = this.#seenIn(body)
    const lost = [...this.#known].filter((mark) => !seen.has(mark))
    this.#known = new Set([...this.#known, ...seen])
    if (lost.length > 0) return `what users said is in the history or in a whole summary of it (lost: ${lost.slice(0, 5).join(', ')})`
    const summaries = marksOf(body, 's')
    const bad = summaries.find((mark) => !this.#takenIn.has(mark))
    if (bad !== undefined) return `a summary that was cut off takes the place of nothing (${bad})`
    if (body.includes('Summary of the conversation so far') && summaries.length === 0) return 'a summary is not empty'
    return undefined
  }

  /** Returns the rule that a request for a summary breaks. */
  summaryAsked(body: string): string | undefined {
    this.summaryTried()
    this.#given = ''
    this.#transcript = this.#seenIn(body)
    return body.includes('"thinking":{') || body.includes('"reasoning_effort"') ? 'a summary is asked for without thinking' : undefined
  }

  /** A summary was asked for, whether or not the question left the process. */
  summaryTried(): void {
    this.#unsummed.clear()
    this.#isJustSummed = true
  }

  /** A request that fits is answered. */
  answered(): void {
    this.#isJustSummed = false
  }

  /** Returns the mark of a new summary. */
  summaryGiven(isWhole: boolean): string {
    const mark = `#s${++this.#summaries}#`
    this.#given = mark
    if (isWhole) this.#takenIn.set(mark, this.#transcript)
    return mark
  }

  /** The answer broke off. */
  summaryBroke(): void {
    this.#takenIn.delete(this.#given)
  }

  /** The request did not fit. Returns a mark for the answer. */
  overflowed(body: string, isSummary: boolean): string {
    const mark = `#o${++this.#overflows}#`
    const { messages } = JSON.parse(body) as { readonly messages: readonly { readonly role: string }[] }
    // The last turn cannot be summed up before it is answered.
    const earlier = messages.slice(
      0,
      messages.findLastIndex(({ role }) => role === 'assistant'),
    )
    if (!isSummary && !this.#isJustSummed && earlier.length >= 4 && JSON.stringify(earlier).length > 3_000) this.#unsummed.add(mark)
    return mark
  }

  /** True for the error of a request that did not fit, where no summary was asked for since. */
  isUnsummed(message: string): boolean {
    return this.#unsummed.has(message.match(/#o\d+#/)?.[0] ?? '')
  }

  #seenIn(body: string): ReadonlySet<string> {
    const seen = new Set(marksOf(body, 'm'))
    for (const summary of marksOf(body, 's')) for (const mark of this.#takenIn.get(summary) ?? []) seen.add(mark)
    return seen
  }
}

function marksOf(body: string, kind: 'm' | 's'): string[] {
  return body.match(kind === 'm' ? /#m\d+#/g : /#s\d+#/g) ?? []
}
