/**
 * Splits master-file text (RFC 1035 section 5.1) into entries: the tokens of one line, or of several lines held
 * together by parentheses. It knows quotes, comments, escapes and line ends (LF, CRLF, CR) but not names, types or
 * directives; escapes stay in the text of a token, since `\.` and `.` differ only to who reads the field.
 *
 * Work is proportional to the text. The one place where text is read twice, an unclosed parenthesis, happens at most
 * once.
 */

export interface Token {
  /** As written, without the quotes, escapes kept. */
  readonly text: string
  readonly quoted: boolean
  /** No white space between this token and the one before. */
  readonly joined: boolean
  /** From 1; columns count UTF-16 units. */
  readonly line: number
  readonly column: number
}

export interface Entry {
  /** The first line begins with white space: the owner is that of the entry before. */
  readonly indented: boolean
  readonly tokens: readonly Token[]
  readonly fault: TokenFault | null
}

/** The entry is not to be used; where and why. */
export interface TokenFault {
  readonly line: number
  readonly column: number
  readonly error: string
}

const TAB = 0x09
const LF = 0x0a
const CR = 0x0d
const SPACE = 0x20
const QUOTE = 0x22
const OPEN = 0x28
const CLOSE = 0x29
const SEMICOLON = 0x3b
const BACKSLASH = 0x5c

export class EntryReader {
  readonly #text: string
  #at: number
  #line = 1
  #lineStart: number
  #resumed = false

  constructor(text: string) {
    this.#text = text
    // A byte order mark is an artefact of editors, not a part of the first owner.
    this.#at = text.startsWith('\uFEFF') ? 1 : 0
    this.#lineStart = this.#at
  }

  /** UTF-16 units read so far. */
  get at(): number {
    return this.#at
  }

  /** The next entry with a token or a fault; null at the end of the text. */
  next(): Entry | null {
    while (this.#at < this.#text.length) {
      const entry = this.#readEntry()
      if (entry.tokens.length > 0 || entry.fault !== null) return entry
    }
    return null
  }

  #readEntry(): Entry {
    const first = this.#text.charCodeAt(this.#at)
    const indented = first === SPACE || first === TAB
    const tokens: Token[] = []
    const open: { line: number; column: number; at: number }[] = []
    let fault: TokenFault | null = null
    let joined = false
    while (this.#at < this.#text.length) {
      const code = this.#text.charCodeAt(this.#at)
      if (code === LF || code === CR) {
        this.#endLine(code)
        if (open.length === 0) return { indented, tokens, fault }
        joined = false
      } else if (code === SPACE || code === TAB) {
        this.#at++
        joined = false
      } else if (code === SEMICOLON) {
        this.#skipLine()
      } else if (code === OPEN) {
        open.push({ line: this.#line, column: this.#column, at: this.#at })
        this.#at++
        joined = false
      } else if (code === CLOSE) {
        if (open.pop() === undefined)
          fault ??= this.#faultHere('this ")" closes nothing: remove it, or put the "(" before it')
        this.#at++
        joined = false
      } else {
        const token = code === QUOTE ? this.#readQuoted(joined) : this.#readWord(joined)
        if (token.closed) tokens.push(token)
        else
          fault ??= {
            line: token.line,
            column: token.column,
            error: 'this quoted string does not end on its line: put a " at its end',
          }
        joined = true
      }
    }
    const unclosed = open[0]
    if (unclosed !== undefined) {
      fault = {
        line: unclosed.line,
        column: unclosed.column,
        error: 'this "(" is never closed: put a ")" where the record ends',
      }
      this.#resumeAfter(unclosed)
    }
    return { indented, tokens, fault }
  }

  /**
   * Goes back to the first line after an unclosed parenthesis that begins a record, so that the errors of the rest are
   * found too. Only once in a text: otherwise a file of parentheses would cost quadratic time.
   */
  #resumeAfter(open: { line: number; at: number }): void {
    if (this.#resumed) return
    this.#resumed = true
    this.#at = open.at
    this.#line = open.line
    for (;;) {
      this.#skipLine()
      if (this.#at >= this.#text.length) return
      this.#endLine(this.#text.charCodeAt(this.#at))
      const code = this.#text.charCodeAt(this.#at)
      if (code !== SPACE && code !== TAB && code !== LF && code !== CR && code !== SEMICOLON && code !== CLOSE) return
    }
  }

  get #column(): number {
    return this.#at - this.#lineStart + 1
  }

  #faultHere(error: string): TokenFault {
    return { line: this.#line, column: this.#column, error }
  }

  #endLine(code: number): void {
    this.#at += code === CR && this.#text.charCodeAt(this.#at + 1) === LF ? 2 : 1
    this.#line++
    this.#lineStart = this.#at
  }

  /** To the line end, which stays unread. */
  #skipLine(): void {
    for (; this.#at < this.#text.length; this.#at++) {
      const code = this.#text.charCodeAt(this.#at)
      if (code === LF || code === CR) return
    }
  }

  #readQuoted(joined: boolean): Token & { closed: boolean } {
    const { line } = { line: this.#line }
    const column = this.#column
    const start = ++this.#at
    for (; this.#at < this.#text.length; this.#at++) {
      const code = this.#text.charCodeAt(this.#at)
      if (code === LF || code === CR) break
      if (code === QUOTE)
        return { text: this.#text.slice(start, this.#at++), quoted: true, joined, line, column, closed: true }
      if (code === BACKSLASH && !this.#lineEndsAt(this.#at + 1)) this.#at++
    }
    return { text: '', quoted: true, joined, line, column, closed: false }
  }

  #readWord(joined: boolean): Token & { closed: boolean } {
    const column = this.#column
    const start = this.#at
    for (; this.#at < this.#text.length; this.#at++) {
      const code = this.#text.charCodeAt(this.#at)
      if (code === BACKSLASH) {
        if (!this.#lineEndsAt(this.#at + 1)) this.#at++
      } else if (
        code <= SPACE
          ? code === SPACE || code === TAB || code === LF || code === CR
          : code === SEMICOLON || code === OPEN || code === CLOSE || code === QUOTE
      ) {
        break
      }
    }
    return { text: this.#text.slice(start, this.#at), quoted: false, joined, line: this.#line, column, closed: true }
  }

  #lineEndsAt(at: number): boolean {
    const code = this.#text.charCodeAt(at)
    return Number.isNaN(code) || code === LF || code === CR
  }
}
