/** What is left of a page for a model. */

/** The form of a page's text. */
export type PageFormat = 'markdown' | 'text'

/** The text of a page or document. */
export interface PageText {
  /** One line; empty without a title. */
  readonly title: string
  readonly text: string
}

/** What a worker converts. */
export type PageWork =
  | { readonly kind: 'html'; readonly html: string; readonly url: string; readonly format: PageFormat }
  | { readonly kind: 'pdf'; readonly bytes: Uint8Array }
