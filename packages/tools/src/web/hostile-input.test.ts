// Inputs that no JSON can be: a host program may call the schema of a tool with anything.
import { BeamClawError, type Tool } from '@beamclaw/core'
import { expect, it } from 'vitest'
import { filesTools } from '../files/files-tools.ts'
import { webFetchTool } from './web-fetch.ts'
import { webSearchTool } from './web-search.ts'

const tools: readonly Tool[] = [
  webFetchTool(),
  webSearchTool({ provider: { id: 'none', search: async () => [] } }),
  ...filesTools({ workspace: '/none' }),
]

function cyclic(): object {
  const made: Record<string, unknown> = {}
  for (const name of ['url', 'query', 'path', 'content', 'oldText', 'newText']) made[name] = made
  return made
}

const hostile: readonly (readonly [title: string, input: unknown])[] = [
  ['a cycle', cyclic()],
  ['deep nesting', JSON.parse(`${'{"path":'.repeat(5000)}1${'}'.repeat(5000)}`)],
  ['a symbol', Symbol('x')],
  ['a function', () => {}],
  ['a million fields', Object.fromEntries(Array.from({ length: 1_000_000 }, (_value, index) => [index, index]))],
]

it.each(hostile)('%s is refused by every tool that needs something', async (_title, input) => {
  for (const { declaration, input: schema } of tools) {
    if (declaration.inputSchema.required === undefined) continue
    const checked = await schema?.['~standard'].validate(input)
    expect(checked?.issues?.length, declaration.name).toBeGreaterThan(0)
  }
})

it.each([null, 5, 'x', [], Symbol('x')])('no tool takes %s for its options', (options) => {
  for (const make of [webFetchTool, webSearchTool, filesTools]) {
    const making = (): unknown => make(options as never)
    expect(making).toThrow(BeamClawError)
    expect(making).toThrow(/option/)
  }
})
