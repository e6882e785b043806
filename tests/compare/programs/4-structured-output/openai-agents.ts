import { Agent, run, setOpenAIAPI } from '@openai/agents'
import * as z from 'zod'

const Book = z.object({ title: z.string(), year: z.number() })

setOpenAIAPI('chat_completions')
const agent = new Agent({ name: 'main', model: 'my-model', outputType: Book })

const { finalOutput } = await run(agent, 'Name a novel.')
console.log(finalOutput?.title, finalOutput?.year)
