/** Splits thinking from text where a service or a model puts both into the content, within tags. */

/** A piece of the content. */
export interface SplitPiece {
  readonly isThought: boolean
  readonly text: string
}

/** Splits the content of one answer, piece by piece; a tag may be cut anywhere. */
export interface ThoughtSplitter {
  /** Adds a piece, which the service may have flagged as a thought. */
  add(text: string, isFlagged: boolean): readonly SplitPiece[]
  /** Returns what was held back because it might have become a tag. */
  end(): readonly SplitPiece[]
}

/**
 * Splits off `<think>…</think>` at the beginning of the content. Later tags are text: an answer may be about them.
 *
 * Phases: `start → thinking → after → text`, or `start → text`.
 */
export class ThinkTags implements ThoughtSplitter {
  #phase: 'start' | 'thinking' | 'after' | 'text' = 'start'
  #held = ''
  /** Blank pieces at the start, which are text unless a tag follows. They are not looked at again. */
  #blank = ''

  add(text: string): readonly SplitPiece[] {
    if (this.#phase === 'start' && this.#held === '' && text.trim() === '') {
      this.#blank += text
      return []
    }
    const pieces: SplitPiece[] = []
    this.#held += text
    if (this.#phase === 'start') this.#open(pieces)
    if (this.#phase === 'thinking') this.#close(pieces)
    // Models put blank lines between the tag and the answer.
    if (this.#phase === 'after') {
      this.#held = this.#held.trimStart()
      if (this.#held !== '') this.#phase = 'text'
    }
    if (this.#phase === 'text') this.#take(pieces, false, this.#held.length)
    return pieces
  }

  end(): readonly SplitPiece[] {
    const pieces: SplitPiece[] = []
    this.#take(pieces, this.#phase === 'thinking', this.#held.length)
    return pieces
  }

  #open(pieces: SplitPiece[]): void {
    const begun = this.#held.trimStart()
    if (begun.startsWith('<think>')) {
      this.#blank = ''
      this.#held = begun.slice('<think>'.length)
      this.#phase = 'thinking'
    } else if (!'<think>'.startsWith(begun)) {
      this.#phase = 'text'
      this.#take(pieces, false, this.#held.length)
    }
  }

  #close(pieces: SplitPiece[]): void {
    const at = this.#held.indexOf('</think>')
    this.#take(pieces, true, at === -1 ? this.#held.length - tailOf(this.#held, '</think>') : at)
    if (at === -1) return
    this.#held = this.#held.slice('</think>'.length)
    this.#phase = 'after'
  }

  #take(pieces: SplitPiece[], isThought: boolean, length: number): void {
    if (this.#blank !== '') {
      pieces.push({ isThought: false, text: this.#blank })
      this.#blank = ''
    }
    if (length > 0) pieces.push({ isThought, text: this.#held.slice(0, length) })
    this.#held = this.#held.slice(length)
  }
}

/**
 * Takes the tags off thoughts that are flagged, as Gemini sends them: `<thought>` begins the first flagged piece, and `</thought>` the first one after.
 * Without a flag beside it a tag is text of the answer; a tag that is cut is held back until that is known.
 *
 * Phases: `start → thinking → closing → text`, or `start → text`.
 */
export class FlaggedThoughts implements ThoughtSplitter {
  #phase: 'start' | 'thinking' | 'closing' | 'text' = 'start'
  #held = ''

  add(text: string, isFlagged: boolean): readonly SplitPiece[] {
    if (isFlagged) {
      const whole = this.#held + text
      const isFirst = this.#phase === 'start'
      this.#held = ''
      this.#phase = 'thinking'
      const thought = isFirst && whole.startsWith('<thought>') ? whole.slice('<thought>'.length) : whole
      return thought === '' ? [] : [{ isThought: true, text: thought }]
    }
    if (text === '' || this.#phase === 'text') return text === '' ? [] : [{ isThought: false, text }]
    const tag = this.#phase === 'start' ? '<thought>' : '</thought>'
    this.#held += text
    if (tag.startsWith(this.#held) && this.#held !== '</thought>') {
      if (this.#phase === 'thinking') this.#phase = 'closing'
      return []
    }
    const rest = tag === '</thought>' && this.#held.startsWith(tag) ? this.#held.slice(tag.length) : this.#held
    this.#held = ''
    this.#phase = 'text'
    return rest === '' ? [] : [{ isThought: false, text: rest }]
  }

  end(): readonly SplitPiece[] {
    const held = this.#held
    this.#held = ''
    return held === '' ? [] : [{ isThought: false, text: held }]
  }
}

/** Returns how many characters at the end of a text may begin the tag. */
function tailOf(text: string, tag: string): number {
  for (let length = Math.min(tag.length - 1, text.length); length > 0; length--) if (tag.startsWith(text.slice(-length))) return length
  return 0
}
