/** The part of turndown that this package uses; it comes without types. `TNode` is what the DOM of the caller calls an element. */
declare module 'turndown' {
  export interface TurndownOptions<TNode> {
    readonly headingStyle?: 'setext' | 'atx'
    readonly hr?: string
    readonly bulletListMarker?: '-' | '+' | '*'
    readonly codeBlockStyle?: 'indented' | 'fenced'
    readonly blankReplacement?: (content: string, node: TNode) => string
  }

  export interface TurndownRule<TNode> {
    readonly filter: string | readonly string[]
    readonly replacement: (content: string, node: TNode) => string
  }

  export default class TurndownService<TNode> {
    constructor(options?: TurndownOptions<TNode>)
    addRule(name: string, rule: TurndownRule<TNode>): this
    remove(filter: readonly string[]): this
    turndown(node: object): string
  }
}
