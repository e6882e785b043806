/** The input of `browser`: one action and what it needs. */
import type { StandardSchema } from '@beamclaw/core'
import { z } from 'zod'

const actions = [
  'navigate',
  'snapshot',
  'click',
  'type',
  'select',
  'press',
  'hover',
  'scroll',
  'upload',
  'download',
  'wait',
  'back',
  'screenshot',
  'evaluate',
  'close',
] as const

/** What a call may do. */
export type BrowserAction = (typeof actions)[number]

/** Longest wait of one call, in milliseconds. */
export const maxWaitMs = 30_000

/** The fields that an action cannot do without. */
const needs: Readonly<Partial<Record<BrowserAction, readonly (keyof BrowserInput)[]>>> = {
  navigate: ['url'],
  click: ['ref'],
  type: ['ref', 'text'],
  select: ['ref', 'values'],
  press: ['key'],
  hover: ['ref'],
  upload: ['ref', 'paths'],
  download: ['ref'],
  evaluate: ['script'],
}

/** The input, as its schema parses it. */
export interface BrowserInput {
  readonly action: BrowserAction
  readonly url?: string | undefined
  readonly ref?: string | undefined
  readonly text?: string | undefined
  readonly submit?: boolean | undefined
  readonly values?: readonly string[] | undefined
  readonly key?: string | undefined
  readonly direction?: 'up' | 'down' | undefined
  readonly paths?: readonly string[] | undefined
  readonly waitMs?: number | undefined
  readonly script?: string | undefined
  readonly offset?: number | undefined
}

export const browserInput: StandardSchema<BrowserInput> = z
  .strictObject({
    action: z
      .enum(actions)
      .describe(
        'navigate: open a URL. snapshot: read the page, with references such as e12. The others act on an element by its reference, or on the page.',
      ),
    url: z.string().min(1).max(8192).optional().describe('navigate: the whole URL, with http:// or https://'),
    ref: z
      .string()
      .regex(/^(?:f\d{1,6})?e\d{1,9}$/)
      .optional()
      .describe('The reference of an element in the last snapshot, such as e12'),
    text: z.string().max(100_000).optional().describe('type: the new text of the field. wait: text to wait for'),
    submit: z.boolean().optional().describe('type: whether to press Enter afterwards. Default false'),
    values: z.array(z.string().max(1_000)).min(1).max(100).optional().describe('select: the values or labels to choose'),
    key: z
      .string()
      .regex(/^[\x20-\x7e]{1,40}$/)
      .optional()
      .describe('press: such as Enter, Escape, PageDown, Control+a'),
    direction: z.enum(['up', 'down']).optional().describe('scroll: by one screen; with ref, scrolls to the element instead. Default down'),
    paths: z.array(z.string().min(1).max(4096)).min(1).max(10).optional().describe('upload: files of the workspace'),
    waitMs: z.int().min(0).max(maxWaitMs).optional().describe('wait: longest wait. Default 5000'),
    script: z.string().min(1).max(20_000).optional().describe('evaluate: a JavaScript expression; its value is returned as JSON'),
    offset: z.int().min(0).optional().describe('snapshot: where to go on in a long text: the offset that the last result named'),
  })
  .superRefine((input, { addIssue }) => {
    for (const name of needs[input.action] ?? []) {
      if (input[name] === undefined)
        addIssue({ code: 'custom', path: [name], message: `${name} is missing: action "${input.action}" needs it` })
    }
  })
