// The eight programs with OpenAI Agents, each in a process of its own.
import { programTests } from './testing/program-tests.ts'

programTests('openai-agents')
