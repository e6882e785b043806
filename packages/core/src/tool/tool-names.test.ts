import fc from 'fast-check'
import { expect, test } from 'vitest'
import { FunctionModel, stage } from '../testing/model.ts'
import { defineTool } from './tool.ts'
import { isAllowed } from './tool-names.ts'

const letters = fc.string({ unit: fc.constantFrom('a', 'b', '_'), maxLength: 8 })
const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '_', '*'), maxLength: 6 })

test('a pattern fits what the same regular expression fits', () => {
  fc.assert(
    fc.property(letters, pattern, (name, one) => {
      const expected = new RegExp(`^${one.replaceAll('*', '.*')}$`, 's').test(name)
      expect(isAllowed(name, { allowedTools: [one] })).toBe(expected)
      expect(isAllowed(name, { deniedTools: [one] })).toBe(!expected)
      expect(isAllowed(name, { allowedTools: ['*'], deniedTools: [one] })).toBe(!expected)
    }),
  )
})

test('lists of agent and session decide what the model is told of and what a call finds', async () => {
  const ran: string[] = []
  const tools = ['read_file', 'write_file', 'exec'].map((name) =>
    defineTool({ name, description: name, execute: () => `${ran.push(name)}` }),
  )
  const model = new FunctionModel(({ messages }) =>
    messages.at(-1)?.role === 'user' ? { calls: tools.map(({ declaration: { name } }) => ({ id: name, name })) } : { text: 'done' },
  )
  const { claw } = await stage(model, { tools, deniedTools: ['write_*'] })
  const session = claw.session('agent:main:main')
  await session.send('go').result()
  expect(model.requests[0]?.tools?.map(({ name }) => name)).toEqual(['exec', 'read_file'])
  expect(ran).toEqual(['read_file', 'exec'])
  await session.configure({ allowedTools: ['read_*', 'write_file'] })
  await session.send('again').result()
  expect(ran).toEqual(['read_file', 'exec', 'read_file'])
  // Another session has its own lists.
  await claw.session('agent:main:other').send('go').result()
  expect(ran.slice(3)).toEqual(['read_file', 'exec'])
  for (const wrong of ['exec', [7], ['a b'], [`${'x'.repeat(65)}`]])
    await expect(session.configure({ deniedTools: wrong as never })).rejects.toMatchObject({ code: 'invalid-option' })
  await claw.stop()
})
