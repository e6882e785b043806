/** Helpers for tests of programs on core: a manual clock, a scripted model. */

export { flushEventLoop, ManualClock } from '@beamclaw/actor/testing'
export { giveSession, killPart, partTree } from './parts.ts'
export {
  type AnswerFunction,
  type CollectedAnswer,
  collectAnswer,
  type ScriptedAnswer,
  type ScriptedCall,
  type ScriptedFunction,
  ScriptedProvider,
  type ScriptedProviderOptions,
  type ToolAnswerOptions,
  textAnswer,
  textRequest,
  toolAnswer,
} from './scripted-provider.ts'
export { ScriptedProcess, type ScriptedProgram, ScriptedSandbox, type ScriptedSandboxOptions } from './scripted-sandbox.ts'
