/** The tool `browser` over a real Chromium, in a BeamClaw whose model makes the calls that a test asks for. */
import { BeamClaw, type Clock, defineAgent, type JsonObject, type RunningBeamClaw, silentLogger, type ToolResult } from '@beamclaw/core'
import { ScriptedProvider, toolAnswer } from '@beamclaw/testkit'
import { TemporaryWorkspace } from '../../files/testing/temporary-workspace.ts'
import { localWeb } from '../../web/testing/local-server.ts'
import type { BrowsersOptions } from '../browser-options.ts'
import { browserTool } from '../browser-tool.ts'
import type { BrowserToolOptions } from '../browser-tool-options.ts'
import { Browsers } from '../browsers.ts'
import { findChromium } from '../load-playwright.ts'
import { pagesOf } from '../pages-of.ts'

/** Why there is no real browser here; undefined where there is one. */
export const noBrowser: string | undefined = await findChromium(undefined).then(
  () => undefined,
  () => 'there is no Chromium on this machine',
)

/** The result of a call, as the model gets it. */
export interface BrowserReply {
  readonly isError: boolean
  readonly content: ToolResult['content']
  readonly text: string
}

export interface StageOptions {
  readonly browsers?: BrowsersOptions
  readonly tool?: Omit<Partial<BrowserToolOptions>, 'browsers'>
  readonly askMode?: 'off' | 'onMiss'
  readonly clock?: Clock
}

/** Owns a BeamClaw, its Chromium and a workspace, until it is disposed. */
export class BrowserStage {
  readonly claw: RunningBeamClaw
  readonly browsers: Browsers
  readonly workspace: TemporaryWorkspace
  readonly #results: Map<string, ToolResult>
  #calls = 0

  private constructor(claw: RunningBeamClaw, browsers: Browsers, workspace: TemporaryWorkspace, results: Map<string, ToolResult>) {
    this.claw = claw
    this.browsers = browsers
    this.workspace = workspace
    this.#results = results
  }

  static async open({ browsers: reach = {}, tool = {}, askMode = 'off', clock }: StageOptions = {}): Promise<BrowserStage> {
    const workspace = new TemporaryWorkspace({ 'note.txt': 'a note' })
    const browsers = new Browsers({ ...localWeb, ports: 'any', ...reach })
    const results = new Map<string, ToolResult>()
    const provider = new ScriptedProvider({
      answers: ({ messages }) => {
        const last = messages.at(-1)
        if (last?.role !== 'tool') return toolAnswer('browser', JSON.parse(textOf(last?.content)).input)
        const asked = messages.findLast(({ role }) => role === 'user')
        const [result] = last.content
        if (result !== undefined) results.set(JSON.parse(textOf(asked?.content)).id, result)
        return 'done'
      },
    })
    const claw = await new BeamClaw({
      providers: { test: provider },
      agents: [
        defineAgent({ id: 'main', model: 'test/any', tools: [browserTool({ browsers, workspace: workspace.root, ...tool })], askMode }),
      ],
      parts: [browsers],
      services: { logger: silentLogger, ...(clock === undefined ? {} : { clock }) },
    }).start()
    return new BrowserStage(claw, browsers, workspace, results)
  }

  /** Resolves with what the model gets for one call. */
  async use(input: JsonObject, session = 'main'): Promise<BrowserReply> {
    const id = `call-${++this.#calls}`
    await this.claw.session(`agent:main:${session}`).send(JSON.stringify({ id, input })).result()
    const { content, isError = false } = this.#results.get(id) ?? { content: 'no result', isError: true }
    const text =
      typeof content === 'string' ? content : content.map((part) => (part.type === 'text' ? part.text : `[${part.type}]`)).join('\n')
    return { isError, content, text }
  }

  /** Id of the Chromium that runs. */
  get pid(): number | undefined {
    return pagesOf(this.browsers).pid
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.claw.stop()
    this.workspace[Symbol.dispose]()
  }
}

/** Returns the reference of the first element in a snapshot whose line contains the words. */
export function refOf({ text }: BrowserReply, words: string): string {
  const line = text.split('\n').find((one) => one.includes(words) && one.includes('[ref='))
  const ref = /\[ref=(\w+)\]/.exec(line ?? '')?.[1]
  if (ref === undefined) throw new Error(`No reference for ${words} in:\n${text}`)
  return ref
}

function textOf(content: unknown): string {
  return typeof content === 'string' ? content : JSON.stringify(content)
}
