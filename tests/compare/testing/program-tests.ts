/** The tests of one SDK's programs. Each SDK has a test file of its own, so that they run side by side; all expect the same lines. */
import { expect, test } from 'vitest'
import { PlainChat, textOf } from './plain-chat.ts'
import { Program, type Sdk } from './program.ts'
import { folder, prints, run, serverOf } from './stage.ts'

/** Declares the tests of an SDK's programs: what each must print. */
export function programTests(sdk: Sdk): void {
  test('one answer, streamed text, a tool, structured output and sub-agents print what the others print', async () => {
    const names = ['1-one-answer', '2-streamed-text', '3-tool', '4-structured-output', '7-sub-agents']
    const outcome = await run({ sdk, names, server: await serverOf(), cwd: await folder(), through: 'one-after-another.ts' })
    const lines = ['Hello.', 'Once upon a time.', 'Yes: rain in Oslo.', 'Emma 1815', 'It is 5.', '12 euros.', '11 euros.']
    expect(outcome).toEqual(prints(...lines))
  })

  test('2-streamed-text prints a piece before the answer is whole', async () => {
    const server = await serverOf(() => ({ text: ['Once ', 'upon ', 'a time.'], delivery: { stall: 3 } }))
    await using program = new Program({ sdk, names: ['2-streamed-text'], server, cwd: await folder() })
    expect(await program.printed('Once ')).not.toContain('a time.')
  })

  test('5-conversation remembers in a second process what the first was told', async () => {
    const [server, cwd] = [await serverOf(), await folder()]
    const say = (text: string) => run({ sdk, names: ['5-conversation'], server, cwd, args: [text] })
    expect(await say('My name is Ada.')).toEqual(prints('Hello Ada.'))
    expect(await say('Who am I?')).toEqual(prints('You are Ada.'))
  })

  test.each([
    ['yes', 'It is gone.'],
    ['no', 'It is still there.'],
  ])('6-approval does what the person types: %s', async (word, line) => {
    const server = await serverOf()
    await using program = new Program({ sdk, names: ['6-approval'], server, cwd: await folder() })
    await program.printed('Delete q3? ')
    program.type(word)
    expect(await program.outcome()).toEqual(prints(`Delete q3? ${line}`))
  })

  test('8-use-chat answers the chat of the AI SDK, which remembers', async () => {
    const server = await serverOf()
    await using program = new Program({ sdk, names: ['8-use-chat'], server, cwd: await folder(), through: 'serve.ts' })
    const chat = new PlainChat((await program.printed('/\n')).trim())
    await chat.sendMessage({ text: 'Hello' })
    await chat.sendMessage({ text: 'Goodbye' })
    expect(chat.messages.map(textOf)).toEqual(['Hello', 'You said: Hello.', 'Goodbye', 'You said: Hello, Goodbye.'])
  })
}
