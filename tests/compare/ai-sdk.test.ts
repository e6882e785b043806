// The eight programs with the AI SDK, each in a process of its own.
import { programTests } from './testing/program-tests.ts'

programTests('ai-sdk')
